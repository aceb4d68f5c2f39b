"""Collections of records in a document: rows of a table, lines of "key: value; key: value", items or paragraphs of
"key: value" lines, or short sections of one level.

Which of them a question asks for is `record_query.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from instill.answer.found.headings import heading_text
from instill.answer.found.pieces import Piece
from instill.answer.found.sentences import Sentence, is_record
from instill.answer.harmless_text import plain_text
from instill.answer.terms import terms

LONGEST_VALUE = 6
"""Most terms of a value that tells records apart; a longer one is prose, where a word may stand by chance."""

LONGEST_RECORD = 500
"""Longest section, in characters, that counts as a record."""

_KEY_LINE = re.compile(
    r"\s*(?:[-*+]\s+)?[*_`\"]{0,2}([^\W\d_][\w ./()'-]{0,40}?)[*_`\"]{0,2}\s*[:=][*_`\"]{0,2}\s*(.*)"
)
_PARAGRAPH = re.compile(r"\S[^\n]*(?:\n[^\S\n]*\S[^\n]*)*")


@dataclass(frozen=True)
class Record:
    """One of a collection: the document's characters `[start, end)`; `name` is its heading, or "".

    `fields` are pairs of a key and a value; a record of prose has none. `head` is where a row's table has its names.
    """

    name: str
    start: int
    end: int
    text: str
    fields: tuple[tuple[str, str], ...] = ()
    head: tuple[int, int] | None = None

    @cached_property
    def held(self) -> frozenset[str]:
        """Terms of its name and its short values; of all its words where it has no fields."""
        if not self.fields:
            return frozenset(terms(f"{self.name} {self.text}"))
        values = [terms(value) or terms(value, keep_stop=True) for _, value in self.fields]  # "DE" is a value.
        return frozenset(term for found in (terms(self.name), *values) if len(found) <= LONGEST_VALUE for term in found)

    def value(self, key: str) -> str:
        """What stands under a key; "" where the record lacks it."""
        return next((value for name, value in self.fields if name == key), "")


def collection_at(document: str, units: Sequence[Sentence], start: int, end: int) -> list[Record]:
    """The records among which the characters `[start, end)` stand; empty where they are no record.

    Args:
        units: `split_sentences(document)`.
    """
    inside = [n for n, unit in enumerate(units) if unit.start < end and start < unit.end]
    while len(inside) > 1 and units[inside[0]].kind == "heading":
        inside = inside[1:]
    if not inside:
        return []
    number = inside[0]
    if len(inside) > 1 and units[inside[1]].kind in ("item", "row") and units[number].kind in ("prose", "heading"):
        number = inside[1]  # The line above them, with which a list or table is shown.
    unit = units[number]
    if unit.kind == "row" and unit.group:
        return _rows(document, units, unit.group)
    if unit.kind == "item" and len(fields_of(document[unit.start : unit.end])) > 1:
        items = [each for each in units if each.kind == "item" and each.group == unit.group]
        return [_record("", document, each.start, each.end) for each in items]
    if is_record(document[unit.start : unit.end]):
        return _lines_around(document, units, number)
    return _sections(document, units, unit, end) or _paragraphs(document, unit.start)


def starts_in(document: str, units: Sequence[Sentence], start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where collections may begin among the characters `[start, end)`: at their first unit that is no heading, at the
    first row or item of each group, at lines of "key: value; key: value"."""
    first, seen = True, set[tuple[str, int]]()
    for unit in units:
        if unit.start >= end:
            return
        if unit.end <= start or unit.kind == "heading":
            continue
        of_group = unit.kind in ("row", "item") and (unit.kind, unit.group) not in seen
        if first or of_group or is_record(document[unit.start : unit.end]):
            yield unit.start, unit.end
        first = False
        seen.add((unit.kind, unit.group))


def fields_of(text: str) -> tuple[tuple[str, str], ...]:
    """The keys and values of a record.

    Example:
        >>> fields_of("Name: Ada; City: Bergen"), fields_of("- name: srv-03\\n  state: retired")
        ((('Name', 'Ada'), ('City', 'Bergen')), (('name', 'srv-03'), ('state', 'retired')))
    """
    parts = text.split("; ") if is_record(text) else re.split(r"\n|(?<=\.)\s+(?=\w+: )", text)
    found = [match.groups() for part in parts if (match := _KEY_LINE.fullmatch(part.strip().rstrip(";")))]
    return tuple((key.strip(), plain_text(value).rstrip(".")) for key, value in found)


def holds_the_field(question: str, piece: Piece) -> bool:
    """Is the piece a record with a field that the question names, and of all else that the question speaks of?

    "Who is the keeper of the crane?" is answered by "keeper: Odd Berg" in the front matter of a page on the crane.
    """
    asked = set(terms(question))
    fields = fields_of(piece.text)
    named = any(
        own and own <= asked and not set(terms(value)) <= asked
        for own, value in ((set(terms(k)), v) for k, v in fields)
    )
    return len(fields) > 1 and named and asked <= set(terms(f"{piece.hit.title} {piece.headings} {piece.text}"))


def _rows(document: str, units: Sequence[Sentence], group: int) -> list[Record]:
    found = []
    for row in units:
        if row.kind == "row" and row.group == group and row.intro is not None:
            head = units[row.intro]
            names = _cells(document[head.start : head.end])
            values = _cells(document[row.start : row.end])
            fields = tuple(zip(names, values, strict=False))
            text = document[row.start : row.end]
            found.append(Record("", row.start, row.end, text, fields, (head.start, head.end)))
    return found


def _cells(line: str) -> list[str]:
    cells = line.split("\t") if "\t" in line and "|" not in line else re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return [plain_text(cell) for cell in cells]


def _lines_around(document: str, units: Sequence[Sentence], number: int) -> list[Record]:
    first = last = number
    while first > 0 and is_record(document[units[first - 1].start : units[first - 1].end]):
        first -= 1
    while last + 1 < len(units) and is_record(document[units[last + 1].start : units[last + 1].end]):
        last += 1
    return [_record("", document, unit.start, unit.end) for unit in units[first : last + 1]]


def _paragraphs(document: str, place: int) -> list[Record]:
    """Paragraphs of "key: value" lines around `place` that have half of their keys in common."""
    found = _key_paragraphs(document)
    number = next((n for n, each in enumerate(found) if each is not None and place < each.end), None)
    chosen = found[number] if number is not None else None
    if number is None or chosen is None or "\n\n" in document[place : chosen.start]:
        return []
    keys = {key for key, _ in chosen.fields}

    def alike(record: Record | None) -> bool:
        return record is not None and 2 * len(keys & {key for key, _ in record.fields}) >= len(keys)

    first = last = number
    while first > 0 and alike(found[first - 1]):
        first -= 1
    while last + 1 < len(found) and alike(found[last + 1]):
        last += 1
    return [record for record in found[first : last + 1] if record is not None]


@lru_cache(maxsize=8)  # Many places of a document are asked for, one after the other.
def _key_paragraphs(document: str) -> tuple[Record | None, ...]:
    """Every paragraph, as a record where it is one; a line without a key above the others is the records' heading."""
    return tuple(_key_paragraph(document, match) for match in _PARAGRAPH.finditer(document))


def _key_paragraph(document: str, match: re.Match[str]) -> Record | None:
    start, lines = match.start(), match.group().split("\n")
    if len(lines) > 2 and not _KEY_LINE.fullmatch(lines[0]):
        start += len(lines[0]) + 1
        lines = lines[1:]
    if not all(":" in line or "=" in line for line in lines):
        return None
    record = _record("", document, start, match.end())
    return record if len(record.fields) > 1 and len(record.fields) == len(lines) else None


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
    return found if len(found) > 1 and any(record.start <= unit.start and end <= record.end for record in found) else []


def _marks(document: str, unit: Sentence) -> str:
    found = re.match(r"\s{0,3}(#{1,6})\s", document[unit.start : unit.end])
    return found.group(1) if found else ""


def _record(name: str, document: str, start: int, end: int) -> Record:
    text = document[start:end]
    return Record(name, start, end, text, fields_of(text))
