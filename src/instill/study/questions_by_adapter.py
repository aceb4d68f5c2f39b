"""Questions by a model that was trained to list them (`instill.models.generators.protocol.skilled`).

A small model does not follow the instructions of `instill.study.questions_by_generator`. One that was trained for this
task lists questions about any text; those whose answer is the fact's are taken. It tells no texts: the rules do.
"""

from __future__ import annotations

from instill.study.logged_writer import LoggedWriter
from instill.study.questions_about_any_text import messages_for, questions_with_answer
from instill.study.rules.wordings_of_fact import accepted_answers
from instill.study.study_set import Fact, StudyItem, item_id

_NONE = "no question has the fact's answer"


class ListingWriter(LoggedWriter):
    """Writes questions by a generator that was trained to list them; a `Writer` for `make_study`.

    Args:
        generator: see `instill.models.generators.protocol.skilled`, skill "questions".
    """

    @property
    def retell(self) -> None:
        """It was not trained to tell a fact in other styles."""
        return None

    def items(self, fact: Fact) -> list[StudyItem]:
        """The listed questions that ask for the fact's answer: the first is "direct", the others are "reworded".

        Raises:
            GeneratorError: from the generator.
        """
        text = fact.evidence.text
        reply, questions = questions_with_answer(self._generator, fact.title, text, fact.answer)
        self._keep("questions", fact, messages_for(fact.title, text), reply, [] if questions else [_NONE])
        return [self._item(fact, question, first=number == 0) for number, question in enumerate(questions)]

    def _item(self, fact: Fact, question: str, *, first: bool) -> StudyItem:
        return StudyItem(
            id=item_id([fact.id], question, fact.answer),
            fact_ids=(fact.id,),
            phrasing="direct" if first else "reworded",
            form="direct" if first else "reworded",
            question=question,
            answer=fact.answer,
            accepted=accepted_answers(fact.answer),
            evidence=(fact.evidence,),
            writer=self.name,
        )
