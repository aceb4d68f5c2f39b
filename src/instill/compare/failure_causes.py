"""Why an arm was wrong: failures by kind.

A failure has one kind, the first that fits, from the cause outwards:

1. "error": the generator gave no answer;
2. "answered though unanswerable";
3. "evidence not retrieved": passages were given, none of them with all the evidence; nobody could have answered;
4. "abstained though answerable";
5. "no clear answer": the reply has the answer without committing itself to it (see `instill.measure.judging`), says
   nothing, or runs in circles;
6. "wrong value from the same document": the reply is, or holds, the answer of another fact of the evidence's document;
7. "value of another subject": the same for a fact of another document;
8. "other".

Values are looked up among the facts of the study set. One that stands in the question does not count: it was repeated.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from instill.compare.stored_outcomes import Recorded
from instill.measure.judging.scorer import is_right, judge
from instill.measure.judging.text import normalised
from instill.measure.outcomes import Outcome
from instill.study.study_set import Fact, StudyItem
from instill.train.gate.conditions.damaged_reply import fault_of

FailureKind = Literal[
    "error",
    "answered though unanswerable",
    "evidence not retrieved",
    "abstained though answerable",
    "no clear answer",
    "wrong value from the same document",
    "value of another subject",
    "other",
]


class Causes:
    """Tells why an outcome is wrong.

    Args:
        items, facts: of the study set.
    """

    def __init__(self, items: Iterable[StudyItem], facts: Iterable[Fact]) -> None:
        self._items = {item.id: item for item in items}
        self._holders: dict[str, list[Fact]] = {}
        for fact in facts:
            for word in normalised(fact.answer)[:1]:
                self._holders.setdefault(word, []).append(fact)

    def of(self, recorded: Recorded) -> FailureKind | None:
        """The kind of failure; None for what is right."""
        outcome = recorded.outcome
        if outcome.right >= 1:
            return None
        if recorded.error:
            return "error"
        if not outcome.expected:
            return "answered though unanswerable"
        if outcome.recall is not None and outcome.recall < 1:
            return "evidence not retrieved"
        if outcome.kind == "abstained":
            return "abstained though answerable"
        if _has_no_form(outcome):
            return "no clear answer"
        return self._value(outcome)

    def _value(self, outcome: Outcome) -> FailureKind:
        """Whose value was said."""
        item = self._items.get(outcome.item)
        own = {evidence.doc_id for evidence in item.evidence} if item else set()
        asked = set(item.fact_ids) if item else set()
        candidates = [fact for word in set(normalised(outcome.reply)) for fact in self._holders.get(word, ())]
        documents = {
            fact.doc_id
            for fact in candidates
            if fact.id not in asked and is_right(outcome.reply, fact.answer, outcome.question)
        }
        if documents & own:
            return "wrong value from the same document"
        return "value of another subject" if documents else "other"


def _has_no_form(outcome: Outcome) -> bool:
    reply = outcome.reply
    if fault_of(reply, outcome.expected):
        return True
    return judge(reply, outcome.expected, question=outcome.question, abstained=False, quotes=outcome.quoted).held
