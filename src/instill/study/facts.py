"""Facts of documents, found by rules: sentences that make sense alone, and the parts of them that can be asked for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from instill.answer.found.sentences import split_sentences
from instill.index.lookup import StoredDocument
from instill.study.quick_questions import heading_questions, is_fair, why_unusable
from instill.study.rules.questions_from_sentence import clause_of, drafts
from instill.study.study_set import Evidence, Fact, fact_id

MOST_PER_SENTENCE = 3

_CLAUSE = re.compile(
    r"\b(?:should|will|would|can|could|may|might|must|shall|so|there|if|do|does|did|to|below|above)\b", re.IGNORECASE
)


@dataclass(slots=True)
class Found:
    """Facts, and how much yielded none.

    Args:
        documents, sentences: "read", "used", and the others by reason.
    """

    facts: list[Fact] = field(default_factory=list)
    documents: Counter[str] = field(default_factory=Counter)
    sentences: Counter[str] = field(default_factory=Counter)


def find_facts(documents: Iterable[StoredDocument], *, seed: int = 0, most_per_document: int = 60) -> Found:
    """The facts of `documents`, each read once, in the order of documents and text.

    Args:
        most_per_document: of a document with more, some are drawn by `seed`.

    Example:
        >>> from instill.index.types import DocumentRecord
        >>> record = DocumentRecord("d1", "oven.md", "markdown", "Oven", "", 0, "", "", (), {}, 1, "")
        >>> text = "The stone oven was built in 1987 by Marta Lindqvist. It holds forty loaves."
        >>> found = find_facts([StoredDocument(record, text, (), (), ())])
        >>> [(fact.kind, fact.subject, fact.answer) for fact in found.facts]
        [('date', 'the stone oven', '1987'), ('name', 'the stone oven', 'Marta Lindqvist')]
        >>> dict(found.sentences)
        {'read': 2, 'used': 1, 'too short or too long': 1}
    """
    found = Found()
    for document in documents:
        found.documents["read"] += 1
        before = found.sentences["used"]
        facts = _of_document(document, Random(f"{seed}:{document.record.doc_id}"), found.sentences)  # noqa: S311
        if len(facts) > most_per_document:
            rng = Random(f"{seed}:{document.record.doc_id}:most")  # noqa: S311
            kept = set(rng.sample(range(len(facts)), most_per_document))
            facts = [fact for number, fact in enumerate(facts) if number in kept]
            found.documents["more facts than wanted"] += 1
        found.facts += facts
        if facts:
            found.documents["used"] += 1
        elif found.sentences["used"] == before:
            prose = any(unit.kind == "prose" for unit in split_sentences(document.text))
            found.documents["no usable sentence" if prose else "no prose"] += 1
    return found


def _of_document(document: StoredDocument, rng: Random, sentences: Counter[str]) -> list[Fact]:
    facts: dict[str, Fact] = {}
    for unit in split_sentences(document.text):
        if unit.kind != "prose":
            continue
        sentences["read"] += 1
        sentence = document.text[unit.start : unit.end].replace("\n", " ")
        reason = why_unusable(document, unit, sentence)
        if reason:
            sentences[reason] += 1
            continue
        own = _of_sentence(document, unit.start, unit.end, sentence, rng)
        sentences["used" if own else "nothing to ask for"] += 1
        facts.update((fact.id, fact) for fact in own)
    for question in heading_questions(document, rng):
        start, end = question.evidence
        subject = document.text[start : document.text.find("\n", start)].strip(" #*=-`:\t")
        fact = _fact(document, (start, end), (question.start, question.end), "heading", subject)
        if not any(other.evidence.start < end and start < other.evidence.end for other in facts.values()):
            facts[fact.id] = fact
    return sorted(facts.values(), key=lambda fact: (fact.start, fact.end))


def _of_sentence(document: StoredDocument, start: int, end: int, sentence: str, rng: Random) -> list[Fact]:
    """One fact for each part that can be asked for; keywords alone only where there is no surer question."""
    chosen: dict[tuple[int, int], str] = {}
    for draft in drafts(sentence, rng):
        if draft.kind == "cloze" and chosen and "cloze" not in chosen.values():
            continue
        if draft.kind == "definition" and not _defines(sentence, draft.start):
            continue
        if len(chosen) < MOST_PER_SENTENCE and is_fair(draft.question, sentence[draft.start : draft.end]):
            chosen.setdefault((draft.start, draft.end), draft.kind)
    facts = []
    for (first, last), kind in chosen.items():
        clause = clause_of(sentence, first, kind)
        subject = clause.subject if clause else ""
        if subject and sentence[first:last].lower() in subject.lower():
            subject = ""  # The answer is the subject.
        facts.append(_fact(document, (start, end), (start + first, start + last), kind, subject))
    return facts


def _defines(sentence: str, start: int) -> bool:
    """Is it a thing that is defined, and not a clause ("Every channel should name somebody, so there is a ...")?"""
    clause = clause_of(sentence, start, "definition")
    return clause is not None and len(clause.subject.split()) <= 8 and not _CLAUSE.search(clause.subject)


def _fact(
    document: StoredDocument, evidence: tuple[int, int], answer: tuple[int, int], kind: str, subject: str
) -> Fact:
    doc_id, text = document.record.doc_id, document.text
    said = text[answer[0] : answer[1]]
    return Fact(
        id=fact_id(doc_id, *evidence, said),
        doc_id=doc_id,
        evidence=Evidence(doc_id=doc_id, start=evidence[0], end=evidence[1], text=text[evidence[0] : evidence[1]]),
        subject=subject,
        answer=said,
        start=answer[0],
        end=answer[1],
        kind=kind,
        title=document.record.title,
    )
