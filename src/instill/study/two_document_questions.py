"""Questions that need two facts: over two documents, and about what no document says.

**Two documents.** Where one fact's answer is a name and another document has a fact about that name, the name in the
second question is replaced by what the first fact says of it: "Who built the oven?" (Marta Lindqvist) and "Where was
Marta Lindqvist born?" become "Where was the one who built the oven born?".

**What no document says.** The verb of one fact is asked of the subject of another, where no document that names this
subject has the verb at all: "When was the bakery school cleaned?".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from random import Random

from instill.answer.harmless_text import plain_text
from instill.answer.terms import normalise, terms
from instill.index.lookup import StoredDocument
from instill.study.rules.questions_from_sentence import Clause, clause_of
from instill.study.rules.reads_well import active_of, reads_well
from instill.study.rules.word_forms import base_form, past_of_participle
from instill.study.rules.wordings_of_fact import accepted_answers, wordings
from instill.study.study_set import Fact, StudyItem, item_id


def pairs_of(facts: Sequence[Fact]) -> list[tuple[Fact, Fact]]:
    """Pairs of facts of two documents: the first one's answer is the second one's subject; in the order of `facts`.

    Names that several documents use of different things are joined too; the rules cannot tell.
    """
    about: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.subject and fact.kind != "heading":
            about[_plain(fact.subject)].append(fact)
    return [
        (first, second)
        for first in facts
        if first.kind in ("name", "place") and any(letter.isupper() for letter in first.answer)
        for second in about.get(_plain(first.answer), ())
        if second.doc_id != first.doc_id and second.role == first.role
    ]


def two_document_items(facts: Sequence[Fact]) -> list[StudyItem]:
    """A question for each pair that can be worded; only about facts of the same role, and not about removed ones."""
    items = []
    for first, second in pairs_of(facts):
        described = _described(first)
        direct = next((one for one in wordings(second, Random(0)) if one.form == "direct"), None)  # noqa: S311
        if not described or direct is None or first.role == "removed":
            continue
        if direct.answer != second.answer or direct.question.count(second.subject) != 1:
            continue
        question = plain_text(direct.question.replace(second.subject, described))
        if normalise(second.answer) in normalise(question) or not reads_well(direct.question):
            continue
        ids = (first.id, second.id)
        items.append(
            StudyItem(
                id=item_id(ids, question, second.answer),
                fact_ids=ids,
                phrasing="two_documents",
                form="two_documents",
                question=question,
                answer=second.answer,
                accepted=accepted_answers(second.answer),
                evidence=(first.evidence, second.evidence),
            )
        )
    return items


class Vocabulary:
    """Which words stand in which document.

    Example:
        >>> from instill.index.types import DocumentRecord
        >>> record = DocumentRecord("d1", "oven.md", "markdown", "Oven", "", 0, "", "", (), {}, 1, "")
        >>> words = Vocabulary([StoredDocument(record, "The oven was built in 1987.", (), (), ())])
        >>> words.says("the oven", ["built"]), words.says("the oven", ["cleaned"]), words.says("a mill", ["built"])
        (True, False, False)
    """

    def __init__(self, documents: Iterable[StoredDocument]) -> None:
        self._holders: defaultdict[str, set[str]] = defaultdict(set)
        for document in documents:
            for term in terms(document.text + " " + document.record.title):
                self._holders[term].add(document.record.doc_id)

    def says(self, subject: str, words: Iterable[str]) -> bool:
        """Does a document that has all words of the subject have one of these words?"""
        own = [self._holders.get(term, set()) for term in terms(subject)]
        about = set.intersection(*own) if own else set()
        return any(about & self._holders.get(term, set()) for word in words for term in terms(word))


def unsaid_items(facts: Sequence[Fact], words: Vocabulary, *, most: int, seed: int = 0) -> list[StudyItem]:
    """At most `most` questions that no document answers, each about the subject of another taught fact."""
    rng = Random(f"{seed}:unsaid")  # noqa: S311
    asked: list[tuple[Fact, Clause]] = []
    for fact in facts:
        clause = clause_of(fact.evidence.text.replace("\n", " "), fact.start - fact.evidence.start, fact.kind)
        if clause and clause.verb and fact.subject and fact.kind in ("date", "name", "place"):
            asked.append((fact, clause))
    subjects = [fact for fact, _ in asked if fact.role == "taught"]
    rng.shuffle(subjects)
    items: list[StudyItem] = []
    used: set[str] = set()
    for about in subjects:
        if len(items) >= most or not asked:
            break
        if _plain(about.subject) in used:
            continue
        own = next(clause for fact, clause in asked if fact.id == about.id)
        for source, clause in rng.sample(asked, min(len(asked), 20)):
            forms = {clause.verb, base_form(clause.verb), past_of_participle(clause.verb)}
            if clause.be != own.be or words.says(about.subject, forms):
                continue
            question = " ".join(_asked(source.kind, about.subject, clause).split())
            if not reads_well(question):
                continue
            used.add(_plain(about.subject))
            items.append(
                StudyItem(
                    id=item_id([about.id], question, ""),
                    fact_ids=(about.id,),
                    phrasing="unanswerable",
                    form="direct",
                    question=question,
                    answer="",
                )
            )
            break
    return items


def _asked(kind: str, subject: str, clause: Clause) -> str:
    if kind == "place":
        return f"Where {clause.be} {subject} {clause.verb}?"
    if kind == "name" and clause.be:
        return f"Who {active_of(clause.be, clause.verb)} {subject}?"
    if clause.be:
        return f"When {clause.be} {subject} {clause.verb}?"
    return f"When did {subject} {base_form(clause.verb)} {clause.tail}?"


def _described(fact: Fact) -> str:
    """The fact's answer in other words: "the one who built the oven"."""
    clause = clause_of(fact.evidence.text.replace("\n", " "), fact.start - fact.evidence.start, fact.kind)
    if clause is None:
        return ""
    if fact.kind == "place":
        return f"the place where {clause.subject} {clause.be} {clause.verb}"
    if fact.subject:
        return f"the one who {active_of(clause.be, clause.verb)} {clause.subject}"
    return f"the one who {clause.verb} {clause.tail}"


def _plain(name: str) -> str:
    return " ".join(normalise(name).removeprefix("the ").split())
