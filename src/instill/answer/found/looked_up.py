"""One record that a question names: its row instead of the whole table, the cell that is asked for, and whether the
records have what is asked for at all.

"What is the salary of Ada Holm?" is not answered by a table of names and telephone numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from instill.answer.asked.measures import adjective_of, measure_words, measures, measures_of
from instill.answer.asked.record_wish import wish_of
from instill.answer.found.choosing import Chosen
from instill.answer.found.record_columns import Column, Table
from instill.answer.found.record_figures import in_full
from instill.answer.found.version_rows import named_row, narrowed
from instill.answer.text import terms

_ELSEWHERE = re.compile(
    r"\bthan\b|\b(?:other|others|else|except|besides|all|every|which|list|both|between|compared?|before|after|same)\b",
    re.IGNORECASE,
)
"""The answer may stand in another row than the one that is named."""
_OF = re.compile(
    r"\b(?:what|who)(?:['’]s| is| was| are)\s+(?:the\s+)?(?P<what>[a-z][\w -]{1,40}?)\s+(?:of|for)\s", re.IGNORECASE
)
_OWN = re.compile(r"['’]s?\s+(?P<what>[a-z][\w-]*(?:\s+[a-z][\w-]*)?)\W*$", re.IGNORECASE)
_HOW = re.compile(r"\bhow (?P<adjective>old|tall|heavy|deep|wide|thick|expensive|fast|strong)\b", re.IGNORECASE)
_VERB = re.compile(r"\bhow much (?:do|does|did)\b.*\b(?P<verb>earn|cost|weigh)s?\b", re.IGNORECASE)
_PLAIN = frozenset(
    terms(
        "salary wage income pay age birthday birth birthdate email mail address mobile colour color weight height "
        "depth width thickness gender nationality religion hobby wife husband spouse education degree password "
        "population",
        keep_stop=True,
    )
)
"""What a column would be called by these words, or not be there; "purpose" or "role" may stand under another name."""
_ALIKE = 4
"""First letters that two words of one meaning have in common: "ext." and "extension" have three, and are short."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The chosen pieces with the row in the table's place (`found`), the cell asked for, or what the records lack.

    `sure`: the question has no word besides the record's name and the column's.
    """

    chosen: list[Chosen]
    found: bool = False
    short: str = ""
    sure: bool = False
    lacks: str = ""


def look_up(question: str, chosen: list[Chosen], text_of: Callable[[str], str | None]) -> LookedUp:
    """What the record says that the question names; nothing is changed where it names none, or several."""
    if not chosen or _ELSEWHERE.search(question) or wish_of(question).kind != "rows":
        return LookedUp(chosen)
    found = named_row(chosen[0], question, text_of)
    if found is None:
        return LookedUp(chosen)
    table, row = found
    label = set(terms(table.label(row)))
    wanted, words = _attribute(question)
    record = set(terms(table.records[row].text.replace("_", " ")))
    asked = set(terms(wanted, keep_stop=True)) - label if wanted else set[str]()
    columns = _named(table, asked) if asked else []
    elsewhere = {term for each in chosen for term in terms(each.piece.text)}
    if asked and not columns and asked <= _PLAIN and not asked & (record | table.called | elsewhere):
        return LookedUp(chosen, lacks=f'The records of {table.name} have no "{wanted}".')
    mine = narrowed(chosen[0], table, row, text_of)
    if mine is None:
        return LookedUp(chosen)
    rest = [each for each in chosen[1:] if each.piece.hit.doc_id != mine.piece.hit.doc_id]
    short = in_full(columns[0], row) if len(columns) == 1 and wanted else ""
    sure = bool(short) and set(terms(question)) <= label | asked | set(terms(words)) | columns[0].words
    return LookedUp([mine, *rest], True, short, sure)


def _attribute(question: str) -> tuple[str, str]:
    """What is asked of one thing, "salary", "age", and the words that say it, "earn", "how old"; "" where the question
    has another form."""
    adjective = _HOW.search(question)
    if adjective:
        return _measured(adjective["adjective"]), adjective.group()
    verb = _VERB.search(question)
    if verb:
        return {"earn": "salary", "cost": "price", "weigh": "weight"}[verb["verb"].lower()], verb["verb"]
    match = _OF.search(question) or _OWN.search(question)
    return (match["what"].strip().lower(), match["what"]) if match else ("", "")


def _measured(adjective: str) -> str:
    wanted = measures_of(adjective_of(f"{adjective}er", "", "er") or adjective, 1)
    return wanted[0][0] if wanted else ""


def _named(table: Table, asked: set[str]) -> Sequence[Column]:
    """Columns that are called so, or by a word that begins alike, or that hold what is measured."""
    own = [column for column in table.columns if column.words & asked]
    if own:
        return own
    alike = [column for column in table.columns if any(_begin_alike(one, two) for one in column.words for two in asked)]
    if alike:
        return alike
    wider = measure_words(asked) | {word for name in asked if name in measures() for word in measures()[name].words}
    return [column for column in table.columns if column.words & wider]


def _begin_alike(one: str, two: str) -> bool:
    length = min(len(one), len(two), _ALIKE)
    return length >= 3 and one[:length] == two[:length] and (length == _ALIKE or len(one) == 3 or len(two) == 3)
