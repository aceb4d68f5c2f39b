"""Questions that people bring become facts and items, each tied to the words that answer it.

A question whose answer does not stand in the documents is told by its line, and not asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from instill.answer.terms import terms
from instill.index.lookup import StoredDocument
from instill.study.answer_places import answer_in, is_named, places_of, whole_words
from instill.study.rules.wordings_of_fact import accepted_answers
from instill.study.study_set import Evidence, Fact, Form, LeftOut, StudyItem, fact_id, item_id
from instill.study.types import AskedQuestion, EvidenceText

PEOPLE = "people"
"""The writer of these questions, on items and on the card."""

KIND = "asked"
"""Of the facts that such questions are about."""

WHICH_QUOTE = "it was judged right as a whole, and which of its quotes answers is not known"

_MOST_PROBLEMS = 20


@dataclass(slots=True)
class Tied:
    """What the brought questions became.

    Args:
        left_out: questions that could not be used.
        problems: of them the first, each with its line and what is wrong.
    """

    facts: list[Fact] = field(default_factory=list)
    items: list[StudyItem] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def tie(brought: Sequence[AskedQuestion], documents: Iterable[StoredDocument]) -> Tied:
    """Facts and items of the questions, each with its evidence; questions about the same words are about one fact.

    A question without a quote is tied to the sentence that holds its answer and most of its own words. One whose quotes
    were judged right as one answer is left out: which of them answers is not known.

    Example:
        >>> from instill.index.types import DocumentRecord
        >>> record = DocumentRecord("d1", "oven.md", "markdown", "Oven", "", 0, "", "", (), {}, 1, "")
        >>> stored = StoredDocument(record, "It rained. The stone oven was built in 1987.", (), (), ())
        >>> asked = [AskedQuestion("How old is the oven?", "1987"), AskedQuestion("Why?", "no")]
        >>> tied = tie(asked, [stored])
        >>> [item.evidence[0].text for item in tied.items], [(each.question, each.reason) for each in tied.left_out]
        (['The stone oven was built in 1987.'], [('Why?', 'its answer stands in no document')])
    """
    held = list(documents)
    tied = Tied()
    facts: dict[tuple[str, int, int, str], Fact] = {}
    asked: dict[tuple[str, int, int], Fact] = {}
    # A question in reverse is about the fact that the plain ones ask for.
    for each in sorted((one for one in brought if one.answerable), key=lambda one: one.form == "reverse"):
        place, reason = (None, WHICH_QUOTE) if each.together else _place(each, held)
        if place is None:
            _leave_out(tied, each, reason)
            continue
        document, evidence, answer = place
        span = (evidence.doc_id, evidence.start, evidence.end)
        if each.form == "reverse" and span in asked:
            fact = asked[span]
        else:
            fact = facts.setdefault((*span, each.answer), _fact(document, evidence, answer, each.answer))
            asked.setdefault(span, fact)
        tied.items.append(_item(each, fact, evidence))
    tied.facts = list(facts.values())
    tied.items += _unanswerable([one for one in brought if not one.answerable], tied)
    return tied


def _place(
    each: AskedQuestion, held: Sequence[StoredDocument]
) -> tuple[tuple[StoredDocument, Evidence, int] | None, str]:
    """The document, the evidence, and where the answer begins in it; or why there is none."""
    best: tuple[int, int, StoredDocument, Evidence, int] | None = None
    reason = "its answer stands in no document"
    for piece in each.evidence or (EvidenceText(""),):
        named = [document for document in held if is_named(document.record, piece)]
        if not named:
            reason = "its document is not in the workspace"
        quote = "" if piece.text == each.answer else piece.text
        if named and quote:
            reason = "its quote stands in no document"
        for number, document in enumerate(named):
            for start, end in places_of(document.text, quote, each.answer):
                text = document.text[start:end]
                answer = answer_in(text, each.answer)
                if answer is None:
                    reason = "its answer does not stand in its quote"
                    continue
                evidence = Evidence(doc_id=document.record.doc_id, start=start, end=end, text=text)
                shared = len(set(terms(each.question)) & {*terms(text), *terms(document.record.title)})
                if best is None or (shared, -number) > best[:2]:
                    best = (shared, -number, document, evidence, start + answer[0])
    return (None, reason) if best is None else (best[2:], "")


def _fact(document: StoredDocument, evidence: Evidence, start: int, answer: str) -> Fact:
    found = answer_in(document.text[start : evidence.end], answer)
    said = document.text[start : start + found[1]] if found else answer
    return Fact(
        id=fact_id(evidence.doc_id, evidence.start, evidence.end, said),
        doc_id=evidence.doc_id,
        evidence=evidence,
        subject="",
        answer=said,
        start=start,
        end=start + len(said),
        kind=KIND,
        title=document.record.title,
    )


def _item(each: AskedQuestion, fact: Fact, evidence: Evidence) -> StudyItem:
    form = cast(Form, each.form)
    found = whole_words(each.answer).search(evidence.text)
    said = found.group() if found else each.answer  # without the marks that stand between its words there
    accepted = dict.fromkeys(filter(None, [*accepted_answers(said), each.answer, *each.accepted]))
    return StudyItem(
        id=item_id([fact.id], each.question, said),
        fact_ids=(fact.id,),
        phrasing=form,
        form=form,
        question=each.question,
        answer=said,
        accepted=tuple(accepted),
        evidence=(evidence,),
        writer=PEOPLE,
    )


def _unanswerable(brought: Sequence[AskedQuestion], tied: Tied) -> list[StudyItem]:
    """Questions that no document answers, each set beside the fact that shares most words with it, no fact twice."""
    left = {fact.id: set(terms(f"{fact.title} {fact.evidence.text}")) for fact in tied.facts}
    items = []
    for each in brought:
        if not left:
            _leave_out(tied, each, "more unanswerable questions than facts")
            continue
        words = set(terms(each.question))
        near = max(left, key=lambda id_: len(words & left[id_]))
        del left[near]
        items.append(
            StudyItem(
                id=item_id([near], each.question, ""),
                fact_ids=(near,),
                phrasing="unanswerable",
                form=each.form,
                question=each.question,
                answer="",
                writer=PEOPLE,
            )
        )
    return items


def _leave_out(tied: Tied, each: AskedQuestion, reason: str) -> None:
    tied.left_out.append(LeftOut(question=each.question, reason=reason))
    if len(tied.problems) < _MOST_PROBLEMS:
        tied.problems.append(f"{f'line {each.line}: ' if each.line else ''}{reason}: {each.question}")
