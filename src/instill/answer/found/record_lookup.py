"""One record that a question names: its row instead of the whole table, the cell that is asked for, and whether the
records have what is asked for at all.

"What is the salary of Ada Holm?" is not answered by a table of names and telephone numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field

from instill.answer.asked.adjectives import adjective_of, measure_words, measures, measures_of
from instill.answer.asked.must_be_spoken_of import missing_pins, pins_of
from instill.answer.asked.record_wish import wish_of
from instill.answer.found.chosen_piece import Chosen, evidence_of
from instill.answer.found.pieces import Piece
from instill.answer.found.record_bounds import NEGATED
from instill.answer.found.record_columns import YES, Column, Table
from instill.answer.found.record_figures import in_full
from instill.answer.found.record_named import begins_alike, name_said
from instill.answer.found.records import fields_of
from instill.answer.found.sentences import Sentence, is_record, split_sentences
from instill.answer.found.version_rows import named_row, narrowed, replaced
from instill.answer.found.versions import dated, newer_first
from instill.answer.terms import terms
from instill.index.types import Hit

_ELSEWHERE = re.compile(
    r"\bthan\b|\b(?:other|others|else|except|besides|all|every|which|list|both|between|compared?|before|after|same)\b",
    re.IGNORECASE,
)
"""The answer may stand in another row than the one that is named."""
_OF = re.compile(
    r"\b(?:what|who)(?:['’]s| is| was| are)\s+(?:the\s+)?(?P<what>[a-z][\w -]{1,40}?)\s+(?:of|for)\s", re.IGNORECASE
)
_OWN = re.compile(r"['’]s?\s+(?P<what>[a-z][\w-]*(?:\s+[a-z][\w-]*)?)\W*$", re.IGNORECASE)
_HOW = re.compile(
    r"\bhow (?P<adjective>old|tall|heavy|deep|wide|thick|expensive|fast|strong|big|large|hot|powerful)\b", re.IGNORECASE
)
_VERB = re.compile(
    r"\bhow much (?:do|does|did|is|are|was|were)\b.*\b(?P<verb>earn|cost|weigh|get paid|paid)s?\b"
    r"|\bhow much (?P<be>is|are|was|were) (?:the |an? )?[\w-]",
    re.IGNORECASE,
)
_WHEN = re.compile(r"\W*(?:on which day|at what time|when)(?:['’]s)? ", re.IGNORECASE)
_TIMES = frozenset(terms("when date day time start begin", keep_stop=True))
_MEANT = {"earn": "salary", "get paid": "salary", "paid": "salary", "weigh": "weight"}
_YES_NO = re.compile(r"\W*(?:is|are|was|were|does|do|did|has|have|can)\b", re.IGNORECASE)
_LONG = r"\d\s?(?:m|cm|mm|km|ft|in|feet|foot|inch(?:es)?|met(?:er|re)s?)\b"
_UNITS = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "weight": r"(?:\d|_|\()\s?(?:kg|g|t|lbs?|kilos?|grams?|tons?|tonnes?|pounds?|oz)\b|\bweigh|\bheav|\bmass\b",
        "height": rf"{_LONG}|\bheight|\bhigh\b|\btall\b",
        "depth": rf"{_LONG}|\bdepth|\bdeep\b",
        "width": rf"{_LONG}|\bwidth|\bwide\b",
        "thickness": rf"{_LONG}|\bthick",
        "salary": r"\d\D{0,20}\b(?:an?|per|each|/) ?(?:hour|day|week|month|year|session)"
        r"|\b(?:salar|wage|income|paid|pays?\b|earn)",
    }.items()
}
"""What a text has that tells a measure: a unit, or a word for it."""
_PLAIN = frozenset(
    terms(
        "salary wage income pay age birthday birth birthdate email mail address mobile colour color weight height "
        "depth width thickness gender nationality religion hobby wife husband spouse education degree password "
        "population",
        keep_stop=True,
    )
)
"""What a column would be called by these words, or not be there; "purpose" or "role" may stand under another name."""
MOST_TABLES = 8
"""Passages of other tables in which the record is looked for."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The chosen pieces with the row in the table's place (`found`), the cell asked for, or what the records lack.

    `sure`: the question has no word besides the record's name and the column's. `versions`: how the documents date
    themselves, by id, where two say different things of it; the newer comes first, and `short` is what it says.
    """

    chosen: list[Chosen]
    found: bool = False
    short: str = ""
    sure: bool = False
    lacks: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


def look_up(
    question: str,
    chosen: list[Chosen],
    text_of: Callable[[str], str | None],
    hits: Sequence[Hit] = (),
    *,
    differ: Container[str] = (),
) -> LookedUp:
    """What the record says that the question names; nothing is changed where it names none, or several.

    The record is looked for in the best piece, then in the tables of the other `hits`: prose that speaks of the H-60
    is no answer to "How heavy is the H-60?" where a price list has its weight.

    Args:
        differ: documents whose chosen pieces disagree; the cell that is asked for may be the same in all of them.
    """
    if not chosen or _ELSEWHERE.search(question) or wish_of(question).kind != "rows":
        return LookedUp(chosen)
    if differ:
        return _elsewhere(
            question, chosen, text_of, [each.piece.hit for each in chosen if each.piece.hit.doc_id in differ]
        )
    found = named_row(chosen[0], question, text_of)
    if found is None:
        return _elsewhere(question, chosen, text_of, hits)
    table, row = found
    cell = _cell_of(table, row, question)
    if cell.wanted and cell.column is None and not cell.several:
        other = _elsewhere(question, chosen, text_of, hits)
        if other.found:
            return other
        around = {term for each in chosen for term in terms(each.piece.text)} | table.called
        around |= set(terms(table.records[row].text.replace("_", " ")))
        if cell.asked and cell.asked <= _PLAIN and not cell.asked & around:
            return LookedUp(chosen, lacks=f'The records of {table.name} have no "{cell.wanted}".')
    mine = narrowed(chosen[0], table, row, text_of)
    if mine is None:
        return LookedUp(chosen)
    if cell.column is not None:
        newest = _elsewhere(question, chosen, text_of, [chosen[0].piece.hit, *hits])
        if newest.found:
            return newest
    if _lacking(question, mine):
        return LookedUp(chosen)  # Of another year than the one that is named.
    rest = [each for each in chosen[1:] if each.piece.hit.doc_id != mine.piece.hit.doc_id]
    return LookedUp([mine] if cell.sure else [mine, *rest], True, cell.short, cell.sure)


@dataclass(frozen=True, slots=True)
class _Cell:
    """What a record has under the one column that is asked for; `several`: more than one column may be meant.

    `wanted` is what the question asks for, in its words, `asked` its terms without the record's name. `named`: the
    question says a whole name of the record.
    """

    wanted: str
    asked: frozenset[str]
    column: Column | None
    several: bool
    short: str
    sure: bool
    named: bool


def _cell_of(table: Table, row: int, question: str) -> _Cell:
    label, own = name_said(table, row, question), set(terms(question))
    wanted, words = _attribute(question)
    asked = frozenset(terms(wanted, keep_stop=True)) - label if wanted else frozenset[str]()
    columns = _asked_for(table, row, question, wanted, label)
    column = columns[0] if len(columns) == 1 else None
    short = _said(question, column, row) if column else ""
    sure = bool(short) and column is not None and own <= label | asked | set(terms(words)) | column.words
    return _Cell(wanted, asked, column, len(columns) > 1, short, sure, label <= own)


def _elsewhere(
    question: str, chosen: list[Chosen], text_of: Callable[[str], str | None], hits: Sequence[Hit]
) -> LookedUp:
    """The cell that is asked for, of the one record that is named, in a table that is not the best piece; tables that
    say different things of it say nothing."""
    met: dict[str, tuple[Chosen, _Cell]] = {}
    tried = 0
    for hit in hits:
        place = _first_record(hit, set(terms(question))) if hit.doc_id not in met and tried < MOST_TABLES else None
        if place is None:
            continue
        tried += 1
        at = Chosen(Piece(hit, "record", (place,), hit.headings, 0), chosen[0].score, None)
        found = named_row(at, question, text_of)
        cell = _cell_of(*found, question) if found else None
        if found and cell and cell.named and cell.column and cell.column.cells[found[1]].strip():
            met[hit.doc_id] = replaced(at, *found, text_of), cell
    lacking = {doc_id: _lacking(question, each) for doc_id, (each, _) in met.items()}
    met = {doc_id: met[doc_id] for doc_id in met if not lacking[doc_id]}  # "In 2026."
    if not met:
        return LookedUp(chosen)
    rows = _newest_first([each for each, _ in met.values()], text_of)
    mine, cell = met[rows[0].piece.hit.doc_id]
    versions: Mapping[str, str] = {}
    if len({other.short for _, other in met.values()}) > 1:
        rows, versions = newer_first(rows, question, text_of)
        if not versions:
            return LookedUp(chosen)  # Which of two values holds now is not known.
    else:
        rows = [mine]
    least = _lacking(question, mine)
    rest = [each for each in chosen if each.piece.hit.doc_id not in lacking and _lacking(question, each) <= least]
    return LookedUp(rows if cell.sure else [*rows, *rest], True, cell.short, cell.sure, versions=versions)


def unmeasured(question: str, chosen: Sequence[Chosen]) -> str:
    """Of a question for a weight, a height, a wage: that the pieces have no word and no unit of it; "" if they have.

    Example:
        >>> unmeasured("Who weighs the bread?", [])
        ''
    """
    wanted, _ = _attribute(question)
    sign = _UNITS.get(wanted)
    if sign is None or not chosen:
        return ""
    texts = " \n".join(f"{each.piece.headings} {each.piece.text}" for each in chosen)
    return "" if sign.search(texts) else f'What was found says nothing of "{wanted}".'


def _lacking(question: str, each: Chosen) -> int:
    """How many numbers and codes of the question the piece does not speak of."""
    return len(missing_pins([pin for pin in pins_of(question) if pin.kind != "name"], evidence_of(each.piece)))


def _newest_first(rows: list[Chosen], text_of: Callable[[str], str | None]) -> list[Chosen]:
    """By the dates of their documents, as far as all of them have one."""
    dates = [dated(each, text_of) for each in rows]
    known = [(date.when, -place) for place, date in enumerate(dates) if date]
    return [rows[-place] for _, place in sorted(known, reverse=True)] if len(known) == len(rows) else rows


def _first_record(hit: Hit, asked: set[str]) -> tuple[int, int] | None:
    """Where the first row, record or line with a key stands in a passage that shares a word with the question, itself
    or by its heading; None without one."""
    if not asked & set(terms(f"{hit.headings} {hit.text}")):
        return None
    above = set(terms(hit.headings.rpartition(" > ")[2]))
    for unit in split_sentences(hit.text):
        text = hit.text[unit.start : unit.end]
        own = set(terms(text))
        if unit.kind == "heading":
            above = own
        elif (asked & above and fields_of(text)) or (asked & own and _is_record(unit, text)):
            return hit.start + unit.start, hit.start + unit.end
    return None


def _is_record(unit: Sentence, text: str) -> bool:
    return unit.kind == "row" or is_record(text) or len(fields_of(text)) > 1


def _attribute(question: str) -> tuple[str, str]:
    """What is asked of one thing, "salary", "age", and the words that say it, "earn", "how old"; "" where the question
    has another form."""
    adjective = _HOW.search(question)
    if adjective:
        return _measured(adjective["adjective"]), adjective.group()
    verb = _VERB.search(question)
    if verb:
        said = (verb["verb"] or verb["be"]).lower()
        return _MEANT.get(said, "price"), said
    if _WHEN.match(question):
        return "when", "when"
    match = _OF.search(question) or _OWN.search(question)
    return (match["what"].strip().lower(), match["what"]) if match else ("", "")


def _measured(adjective: str) -> str:
    wanted = measures_of(adjective_of(f"{adjective}er", "", "er") or adjective, 1)
    return wanted[0][0] if wanted else ""


def _asked_for(table: Table, row: int, question: str, wanted: str, label: set[str]) -> Sequence[Column]:
    """The columns that are asked for; where the question has no such form, those whose whole name it says, but not what
    stands there."""
    if wanted == "when":
        own = set(terms(question)) - label
        dates = [each for each in table.columns if each.kind == "date" or set(terms(each.key, keep_stop=True)) & _TIMES]
        return [each for each in dates if each.words & own] or dates
    if wanted:
        asked = set(terms(wanted, keep_stop=True)) - label
        found = _named(table, asked) if asked else []
        if found or wanted not in ("price", "size"):
            return found  # "How much is an adult return?", of a column "Adult".
    own = set(terms(question)) - label
    named = [column for column in table.columns if column.words <= own]
    return [column for column in named if not (held := set(terms(column.cells[row]))) or not held <= own | label]


def _said(question: str, column: Column, row: int) -> str:
    """The cell; of a column of yes and no its answer where that is asked for, and nothing otherwise."""
    if not column.is_flag:
        return in_full(column, row)
    if not _YES_NO.match(question) or NEGATED.search(question):
        return ""
    return "Yes" if column.cells[row].casefold() in YES else "No"


def _named(table: Table, asked: set[str]) -> Sequence[Column]:
    """Columns that are called so, or by a word that begins alike, or that hold what is measured."""
    own = [column for column in table.columns if column.words & asked]
    if own:
        return own
    alike = [column for column in table.columns if any(begins_alike(one, two) for one in column.words for two in asked)]
    if alike:
        return alike
    wider = measure_words(asked) | {word for name in asked if name in measures() for word in measures()[name].words}
    return [column for column in table.columns if column.words & wider]
