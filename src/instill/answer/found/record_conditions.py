"""What the words of a question demand of each record: a value, yes or no, none or some of something, a bound.

Each telling word has to be accounted for. What names a column and says "none of it" ("out of stock", "without a phone
number", "unassigned", "free of charge") or "some of it" is decided by the cell: 0 in a column that has zeros, else
empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from instill.answer.asked.adjectives import CURRENCIES, measure_words, measures
from instill.answer.found.record_bounds import NEGATED, bounded
from instill.answer.found.record_columns import YES, Column, Table
from instill.answer.found.record_named import is_measured
from instill.answer.found.records_that_meet import Conditions
from instill.answer.terms import normalise, stem, terms

_NAMED = r"(?:(?:an?|any|the|its|their|own|free)\s+)*(?P<what>[\w-]+(?:\s+[\w-]+){0,2})"
_NONE_OF = re.compile(
    r"\b(?:out of|(?:(?:is|are)?\s*(?:not|n't))\s+(?:in|on)|(?:do(?:es)?|did)(?: not|n't) have|(?:has|have)(?: not|n't)"
    r"|(?:is|are)n't (?:in|on)|(?:have|has|with) no|without|lack(?:s|ing)?|missing|empty|blank|no)\s+" + _NAMED,
    re.IGNORECASE,
)
_SOME_OF = re.compile(r"\b(?P<how>in|on|with|has|have|having)\s+" + _NAMED, re.IGNORECASE)
_IS_NONE = re.compile(r"(?P<what>[\w-]+)\s+(?:is|are)\s+(?:empty|blank|missing|unknown)\b", re.IGNORECASE)
_UNDONE = re.compile(
    r"\b(?:un|non-)(?P<what>\w{4,})\b|(?:\bnot|n't|\bnever) (?:yet )?(?:been )?(?:yet )?(?P<what2>\w+)\b",
    re.IGNORECASE,
)
_DONE = re.compile(r"\b(?:is|are|was|were|been)\s+(?P<what>\w+(?:ed|en|t))\b", re.IGNORECASE)
_GIVEN = re.compile(r"\s*(?:of|is|are|=|:)?\s*\d", re.IGNORECASE)
_LACKING = re.compile(r"out of|lack|missing|empty|blank", re.IGNORECASE)
_NOT_BEFORE = re.compile(r"(?:\bnot|n't|\bnever|\bno)\s+(?:yet )?$", re.IGNORECASE)
_SOLD_OUT = re.compile(r"\b(?:sold[- ]out|unavailable|not available)\b", re.IGNORECASE)
_AVAILABLE = re.compile(r"\bavailable\b", re.IGNORECASE)
_FREE = re.compile(
    r"\b(?:free of (?:any )?charges?|free of cost|for free|free|gratis|(?:at |with )?no (?:charge|cost)s?"
    r"|without (?:any )?charge|costs? nothing)\b",
    re.IGNORECASE,
)
_CURRENCIES = frozenset(term for code in CURRENCIES for term in terms(code, keep_stop=True))
_GENERIC = frozenset(
    terms(
        "article product part good thing unit sku model entry site "
        "work have own belong live stand run last take rent buy sell offer name named people person "
        "employee record records entry entries item row "
        "list show number exist contain hold cost many less least most every total registered currently still",
        keep_stop=True,
    )
)
"""Words that say that something is asked of records, not of which."""
_DUTIES = frozenset(terms("responsible charge handle deal look care duty task job do take contact ask call write turn"))
"""The same of people: "Who is responsible for purchasing?", "Whom do I ask about keys?"."""


def conditions_of(text: str, table: Table, asked: Sequence[str], *, is_query: bool) -> Conditions:
    """Which records of the table meet `text`, a question without the words that say what is wanted of them.

    Args:
        asked: the terms of the question that have to be accounted for; those that `text` lacks are left out.
        is_query: whether it is asked as a query; "or" is told only in one.
    """
    found = Conditions([True] * len(table.records))
    text = bounded(text, table, found)
    if found.cannot:
        return found
    text = _states(text, table, found)
    if found.cannot:
        return found
    found.bounds = found.count
    inside = set(terms(text, keep_stop=True))
    _values(text, table, [term for term in asked if term in inside], found, is_query)
    return found


# -- none or some of something -----------------------------------------------------------------------------------


def _states(text: str, table: Table, found: Conditions) -> str:
    """Phrases that say none or some of what a column counts or holds; they go from the text."""
    held = frozenset(term for record in table.records for term in record.held)
    for pattern, measure, none in ((_SOLD_OUT, "stock", True), (_FREE, "price", True), (_AVAILABLE, "stock", False)):
        match = pattern.search(text)
        if match is None or set(terms(match.group(), keep_stop=True)) & held - {"of", "no", "not", "at", "with"}:
            continue
        columns = [
            each
            for each in table.columns
            if (each.kind == "number" or each.is_flag) and each.words & measures()[measure].words
        ]
        if len(columns) == 1:
            text = _demand_state(text, match.group(), columns[0], none, found)
    for column in table.columns:
        said = _flag_said(column).search(text) if column.is_flag and column.words else None
        if said:
            wanted = (said["value"] or "yes").casefold() in YES and not said["not"]
            found.demand([(cell.casefold() in YES) is wanted for cell in column.cells])
            found.plain = False
            found.linked += 1
            found.used.add(column.key)
            text = text.replace(said.group(), " ")
    for pattern in (_NONE_OF, _IS_NONE, _UNDONE):
        for match in list(pattern.finditer(text)):
            what = match["what"] or match.groupdict().get("what2") or ""
            if pattern is not _IS_NONE and _is_cell(table, what.split()[0]):
                continue  # "Not flying", of a column "status": no birds without a flying weight.
            chosen = _column_named(table, what)
            if chosen is None and _LACKING.match(match.group()) and not set(terms(what)) & held:
                found.cannot = match.group()
            if chosen is not None:
                column, length = chosen
                words = (
                    match.group() if length == len(what) else match.group()[: len(match.group()) - len(what) + length]
                )
                text = _demand_state(text, words, column, True, found)
    for match in list(_SOME_OF.finditer(text)) + list(_DONE.finditer(text)):
        chosen = _column_named(table, match["what"])
        if chosen is None or chosen[0].is_flag or _NOT_BEFORE.search(text[: match.start()]):
            continue
        if _GIVEN.match(text, match.start("what") + chosen[1]):
            continue  # "Have on_hand 0" says how much.
        column, length = chosen
        cells = [column.absent(row) for row in range(len(table.records))]
        some = match.groupdict().get("how", "").lower() in ("in", "on") and column.kind == "number"
        if False in cells and (some or True in cells):
            words = match.group()[: len(match.group()) - len(match["what"]) + length]
            text = _demand_state(text, words, column, False, found)
    return text


def _flag_said(column: Column) -> re.Pattern[str]:
    """The name of a column of yes and no in a question: "in use", "not in use", "food_safe false", "retired = no"."""
    parts = [re.escape(part) for part in re.split(r"[\s_-]+", column.key) if part]
    value = r"\s*(?:=|:|is|set to)?\s*(?P<value>true|false|yes|no)\b"
    value = f"(?:{value})?" if len(parts) > 1 else value  # "In use" says it all.
    before = r"(?P<not>(?:\bnot|n't|\bno longer)\s+(?:yet\s+)?)?"
    name = r"[\s_-]+".join(parts)
    return re.compile(rf"{before}\b{name}\b{value}", re.IGNORECASE)


def _is_cell(table: Table, word: str) -> bool:
    """Is the word all that stands in a cell?"""
    wanted = terms(word)
    return bool(wanted) and any(terms(cell) == wanted for column in table.columns for cell in column.cells)


def _column_named(table: Table, what: str) -> tuple[Column, int] | None:
    """The column that the first words name, and how many characters they have."""
    first = set(terms(what.split()[0], keep_stop=True)) if what.split() else set()
    named = [
        column for column in table.columns if column.words & first and (column.kind != "date" or "" in column.cells)
    ]
    whole = set(terms(what, keep_stop=True))
    if not named and len(what.split()) > 1:  # "No service contract", of a column "contract".
        named = [column for column in table.columns if column.words and column.words <= whole and column.kind == "text"]
        if len(named) == 1:
            return named[0], len(what)
    if not named:
        wider = measure_words(first - _CURRENCIES)
        named = [column for column in table.columns if column.kind == "number" and column.words & wider]
    if len(named) != 1:
        return None
    length = len(what.split()[0])
    for word in what.split()[1:]:
        if not set(terms(word, keep_stop=True)) <= named[0].words | {"number"}:
            break
        length = what.index(word, length) + len(word)
    return named[0], length


def _demand_state(text: str, words: str, column: Column, none: bool, found: Conditions) -> str:
    cells = [column.absent(row) for row in range(len(column.cells))]
    found.demand([cell is none for cell in cells])
    if column.has_zeros:
        found.note_unsaid(column)
    found.plain = False
    found.linked += 1
    found.used.add(column.key)
    text = text.replace(words, " ")
    if column.is_flag:  # "Not food safe", of a column "food_safe".
        text = re.sub(r"[\w-]+", lambda word: " " if set(terms(word.group())) & column.words else word.group(), text)
    return text


# -- values ------------------------------------------------------------------------------------------------------


def _values(text: str, table: Table, asked: Sequence[str], found: Conditions, is_query: bool) -> None:
    """Each term is a value of records, a column of yes and no, or accounted for by what the records are called."""
    keys = [column.key for column in table.columns]
    size = len(table.records)
    negated = {stem(normalise(match.group(1))): match.group() for match in NEGATED.finditer(text)}
    positive: dict[str, list[list[bool]]] = {}
    kinds = _behind_flags(text, table)
    denied = set[str]()
    """Columns of yes and no of which a word is negated, as in "not food safe": its other words are as well."""
    for term in asked:
        beside = _column_beside(term, asked, table)
        holding = [term in (terms(record.value(beside)) if beside else record.held) for record in table.records]
        columns = [column for column in table.columns if term in column.words]
        flag = next((column.key for column in columns if column.is_flag), "")
        said = any(column.is_flag and column.words <= set(asked) for column in columns)
        if flag and (said or not any(holding)):
            holding = [record.value(flag).casefold() in YES for record in table.records]
        elif not 0 < sum(holding) < size:
            if all(holding) or columns or term in table.called or is_measured(table, term):
                found.linked += 1
            elif term not in _GENERIC and term not in kinds and not (table.of_people and term in _DUTIES):
                found.unknown.append(term)
            continue
        elif term in table.about and not _is_value(table, term):
            found.linked += 1
            continue
        found.count += 1
        found.linked += 1
        if beside or flag:
            found.used.add(beside or flag)
        if term in negated or flag in denied:
            negated.pop(term, None)
            denied.add(flag or "?")
            found.plain = False
            found.keep = [kept and not held for kept, held in zip(found.keep, holding, strict=True)]
        else:
            column = flag or _column_of(table, term, keys)
            positive.setdefault(column, []).append(holding)
    if negated:
        found.cannot = next(iter(negated.values()))
        return
    one_of_several = any(len(lists) > 1 for lists in positive.values())  # "in Berlin or Hamburg"
    others = len(positive) > 1 or (bool(found.bounds) and (bool(positive) or found.bounds > 1) and not one_of_several)
    if is_query and others and re.search(r"\bor\b", text):
        found.cannot = "or"
        return
    for lists in positive.values():
        every = [all(each) for each in zip(*lists, strict=True)]
        some = [any(each) for each in zip(*lists, strict=True)]
        # "paused or done": no record is both.
        meets = every if any(every) or len(lists) == 1 else some
        found.keep = [kept and met for kept, met in zip(found.keep, meets, strict=True)]


def _behind_flags(text: str, table: Table) -> frozenset[str]:
    """The terms behind the name of a column of yes and no, which say what it is: "an A10 certificate"."""
    flags = frozenset(word for column in table.columns if column.is_flag for word in column.words)
    words = re.findall(r"[\w-]+", text)
    return frozenset(term for one, two in pairwise(words) if set(terms(one)) & flags for term in terms(two))


def _column_beside(term: str, asked: Sequence[str], table: Table) -> str:
    """Of a number, the column whose name stands beside it in the question: "floor 2", "10 seats"."""
    if not term.isdigit():
        return ""
    place = asked.index(term)
    near = [*asked[place + 1 : place + 2], *asked[max(0, place - 1) : place]]
    columns = [column for word in near for column in table.columns if word in column.words]
    # Not "turnover in 2025", where 2025 stands in another column.
    return next((each.key for each in columns if any(term in terms(cell) for cell in each.cells)), "")


def _is_value(table: Table, term: str) -> bool:
    return any(term in terms(value) for record in table.records for _, value in record.fields)


def _column_of(table: Table, term: str, keys: Sequence[str]) -> str:
    """The column that holds the term most often."""
    counts: Mapping[str, int] = {key: sum(term in terms(record.value(key)) for record in table.records) for key in keys}
    return max(keys, key=lambda key: counts[key]) if any(counts.values()) else f"?{term}"
