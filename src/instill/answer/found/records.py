"""Questions that are queries: "which projects are paused?" over a hundred records of one document.

The best piece leads to the records that it stands among: rows of a table, lines of "key: value; key: value", or
short sections of one level. Those that hold all of the question's telling words are the answer: all of them, each by
its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from instill.answer.asked.question import Question
from instill.answer.found.pieces import Piece, heading_text
from instill.answer.found.sentences import Sentence, is_record, split_sentences
from instill.answer.text import terms

LONGEST_RECORD = 500
"""Longest section, in characters, that counts as a record."""

LONGEST_DOCUMENT = 400_000
"""Longer documents are not looked through, in characters."""

FEWEST = 4
"""Fewest records that are a collection."""

MOST_SHOWN = 40
"""Most records that are shown; more are an answer that would be cut, and so none."""

_NEGATION = re.compile(r"\b(?:not|no|never|without|except|other than|isn't|aren't|n't)\b", re.IGNORECASE)
_ASKS = re.compile(r"\b(?:which|what|who|list|show|name|all|every)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Record:
    """One of a collection: the document's characters `[start, end)`; `name` is its heading, or ""."""

    name: str
    start: int
    end: int
    held: frozenset[str]


def matching_records(question: Question, best: Piece, document: str, weights: Mapping[str, float]) -> list[Piece]:
    """All records of the best piece's collection that hold the question's telling words, as pieces; none where the
    question is no such query.

    A word tells when some records of the collection hold it and others do not. At least one has to.

    Args:
        weights: the question's terms by rarity; those of no weight are ignored.
    """
    if len(document) > LONGEST_DOCUMENT or _NEGATION.search(question.text) or not _ASKS.search(question.text):
        return []
    collection = collection_at(document, best)
    if len(collection) < FEWEST:
        return []
    telling = [
        term
        for term in question.terms
        if term in weights and 0 < sum(term in record.held for record in collection) < len(collection)
    ]
    if not telling:
        return []
    found = [record for record in collection if all(term in record.held for term in telling)]
    if not 1 < len(found) <= MOST_SHOWN or not any(_same(record, best) for record in found):
        return []
    hit = replace(best.hit, start=0, end=len(document), text=document, last_page=None)
    head = best.spans[0] if best.kind == "row" and len(best.spans) == 2 else None
    return [
        Piece(
            hit,
            "row" if head else "record",
            (head, (record.start, record.end)) if head else ((record.start, record.end),),
            record.name or best.headings,
            best.rank,
        )
        for record in found
    ]


def collection_at(document: str, piece: Piece) -> list[Record]:
    """The records among which the piece stands; empty where it is no record."""
    units = split_sentences(document)
    start, end = piece.spans[-1]
    number = next((n for n, unit in enumerate(units) if unit.start <= start < unit.end), None)
    if number is None:
        return []
    unit = units[number]
    if unit.kind == "row" and unit.group:
        return [
            _record("", document, row.start, row.end)
            for row in units
            if row.kind == "row" and row.group == unit.group and row.intro is not None
        ]
    if is_record(document[unit.start : unit.end]):
        return _lines_around(document, units, number)
    return _sections(document, units, unit, end)


def _lines_around(document: str, units: Sequence[Sentence], number: int) -> list[Record]:
    first = last = number
    while first > 0 and is_record(document[units[first - 1].start : units[first - 1].end]):
        first -= 1
    while last + 1 < len(units) and is_record(document[units[last + 1].start : units[last + 1].end]):
        last += 1
    return [_record("", document, unit.start, unit.end) for unit in units[first : last + 1]]


def _sections(document: str, units: Sequence[Sentence], unit: Sentence, end: int) -> list[Record]:
    """Short sections whose headings have the level of the one above the unit."""
    if unit.section is None:
        return []
    level = _marks(document, units[unit.section])
    if not level:
        return []
    found = []
    heads = [n for n, each in enumerate(units) if each.kind == "heading" and _marks(document, each) == level]
    for place, head in enumerate(heads):
        stop = heads[place + 1] if place + 1 < len(heads) else len(units)
        inside = units[head + 1 : stop]
        if any(each.kind == "heading" for each in inside):
            inside = inside[: next(n for n, each in enumerate(inside) if each.kind == "heading")]
        if not inside or inside[-1].end - inside[0].start > LONGEST_RECORD:
            continue
        name = heading_text(document[units[head].start : units[head].end])
        found.append(_record(name, document, inside[0].start, inside[-1].end))
    return found if any(record.start <= unit.start and end <= record.end for record in found) else []


def _marks(document: str, unit: Sentence) -> str:
    found = re.match(r"\s{0,3}(#{1,6})\s", document[unit.start : unit.end])
    return found.group(1) if found else ""


def _record(name: str, document: str, start: int, end: int) -> Record:
    return Record(name, start, end, frozenset(terms(f"{name} {document[start:end]}")))


def _same(record: Record, piece: Piece) -> bool:
    start, end = piece.spans[-1]
    return record.start <= start and end <= record.end
