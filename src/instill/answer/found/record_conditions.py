"""What the words of a question demand of each record: a value, yes or no, none or some of something, a bound.

Each telling word has to be accounted for. What names a column and says "none of it" ("out of stock", "without a phone
number", "unassigned", "free of charge") or "some of it" is decided by the cell: 0 in a column that has zeros, else
empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from instill.answer.asked.measures import CURRENCIES, adjective_of, measure_words, measures, measures_of
from instill.answer.asked.units import UNIT
from instill.answer.found.days import day_of
from instill.answer.found.record_columns import YES, Column, Table, Value, amount_in, beyond, unit_of
from instill.answer.text import normalise, stem, terms

_THAN = re.compile(
    r"\b(?:(?P<adjective>\w+er)|(?P<more>more|less)(?: (?P<long>\w+))?) than\b(?P<what>[^?.]*)", re.IGNORECASE
)
_NEGATED = re.compile(
    r"\b(?:not|no|without|except(?: for)?|other than|isn't|aren't|don't|doesn't|never)\s+"
    r"(?:have |has |an? |the |any |in |on |yet )*([\w-]+)",
    re.IGNORECASE,
)
_GAP = r"\b[^\w\n-]{0,4}(?:(?:eur|usd|chf|gbp|about|around|the year|year) )?"
_BOUND = re.compile(
    r"\b(?P<more>over|more than|above|greater than|higher than|larger than|bigger than|exceed(?:s|ing)?|longer than"
    rf"|older than|heavier than|dearer than){_GAP}(?P<a>\d[\d.,-]*)(?P<ua>{UNIT})?"
    rf"|\b(?P<least>at least|not less than|no less than){_GAP}(?P<b>\d[\d.,-]*)(?P<ub>{UNIT})?(?! to\b)"
    r"|\b(?P<less>under|less than|below|fewer than|lower than|smaller than|cheaper than|shorter than|younger than"
    rf"|lighter than){_GAP}(?P<c>\d[\d.,-]*)(?P<uc>{UNIT})?"
    rf"|\b(?P<most>at most|up to|no more than|not more than){_GAP}(?P<d>\d[\d.,-]*)(?P<ud>{UNIT})?"
    r"|\b(?P<after>after|later than|newer than)\b[^\d\n]{0,3}(?P<e>(?:19|20)\d\d(?:-\d\d){0,2})\b"
    r"|\b(?P<since>since)\b[^\d\n]{0,3}(?P<f>(?:19|20)\d\d(?:-\d\d){0,2})\b"
    r"|\b(?P<before>before|earlier than)\b[^\d\n]{0,3}(?P<g>(?:19|20)\d\d(?:-\d\d){0,2})\b",
    re.IGNORECASE,
)
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
_BESIDE = re.compile(
    r"\b(?:(?P<low>below|under|(?:less|lower|fewer|smaller) than)"
    r"|(?P<high>above|over|(?:more|higher|greater|larger) than|exceed(?:s|ing)?))"
    r"\s+(?:the |its |their )?(?P<what>[a-z][\w-]*(?:\s+[a-z][\w-]*){0,2})",
    re.IGNORECASE,
)
"""One column held against another: "below the reorder level"."""
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


@dataclass
class Conditions:
    """Which records meet what is asked.

    Args:
        keep: for each record, whether it meets everything.
        count: how many conditions there are.
        plain: only values that stand in the records; no bound, negation or state.
        unknown: terms that nothing accounts for.
        linked: how many terms stand in the records or in what they are called.
        used: keys of columns that a condition looks at.
        cannot: the words that cannot be told, or "".
        unsaid: records in which a column that is looked at says nothing.
    """

    keep: list[bool]
    count: int = 0
    plain: bool = True
    unknown: list[str] = field(default_factory=list)
    linked: int = 0
    used: set[str] = field(default_factory=set)
    cannot: str = ""
    unsaid: dict[str, int] = field(default_factory=dict)

    def demand(self, meets: Sequence[bool]) -> None:
        """One more condition."""
        self.keep = [kept and met for kept, met in zip(self.keep, meets, strict=True)]
        self.count += 1


def conditions_of(text: str, table: Table, asked: Sequence[str], *, is_query: bool) -> Conditions:
    """Which records of the table meet `text`, a question without the words that say what is wanted of them.

    Args:
        asked: the terms of the question that have to be accounted for; those that `text` lacks are left out.
        is_query: whether it is asked as a query; "or" is told only in one.
    """
    found = Conditions([True] * len(table.records))
    text = _bounded(text, table, found)
    if found.cannot:
        return found
    text = _states(text, table, found)
    if found.cannot:
        return found
    inside = set(terms(text, keep_stop=True))
    _values(text, table, [term for term in asked if term in inside], found, is_query)
    return found


def has_bound(text: str) -> bool:
    """Does it hold a bound, a comparison or a negation?"""
    return bool(_BOUND.search(text) or _THAN.search(text) or _NEGATED.search(text))


# -- bounds ------------------------------------------------------------------------------------------------------


def _bounded(text: str, table: Table, found: Conditions) -> str:
    """Bounds by a number or a day ("over 500", "after 2018"), and by another record ("older than laser-2")."""
    while (bound := _BOUND.search(text)) and not found.cannot:
        chosen = _bound_column(text, bound, table)
        if chosen is None:
            found.cannot = bound.group()
            return text
        column, meets = chosen
        found.demand([value is not None and meets(value) for value in column.values])
        _unsaid(column, found)
        found.plain = False
        found.linked += 1
        text = text.replace(bound.group(), " ")
    beside = _BESIDE.search(text)
    if beside and not found.cannot:
        text = _beside_column(text, beside, table, found)
    than = _THAN.search(text)
    if than and not found.cannot:
        text = _beyond(text, than, table, found)
    return text


def _beside_column(text: str, beside: re.Match[str], table: Table, found: Conditions) -> str:
    """What stands in one column of numbers is below or above what stands in another: "on_hand below reorder_at"."""
    numeric = [column for column in table.columns if column.kind == "number"]
    words = frozenset(terms(beside["what"].replace("_", " "), keep_stop=True))
    limits = [column for column in numeric if column.words <= words] or [c for c in numeric if c.words & words]
    rest = frozenset(terms(text.replace(beside.group(), " ").replace("_", " "), keep_stop=True))
    others = [column for column in numeric if column not in limits]
    left = [column for column in others if column.words <= rest] or [column for column in others if column.words & rest]
    if not left:
        wider = measure_words(rest)
        left = [column for column in others if column.words & wider]
    if not left:  # "Below their reorder level": what there is of them.
        left = [column for column in others if column.words & measures()["stock"].words]
    if not limits:
        held = frozenset(term for record in table.records for term in record.held)
        if not (beside["low"] or beside["high"]).lower().endswith("than") and not words & held:
            found.cannot = beside.group()
        return text
    if len(limits) != 1 or len(left) != 1 or len(limits[0].units | left[0].units) > 1:
        found.cannot = beside.group()
        return text
    direction = -1 if beside["low"] else 1
    pairs = zip(left[0].values, limits[0].values, strict=True)
    found.demand([a is not None and b is not None and beyond(a, b, direction) for a, b in pairs])
    for column in (left[0], limits[0]):
        _unsaid(column, found)
    found.plain = False
    found.linked += 1
    named = re.compile(rf"(?:\b(?:has|have|having|with|whose)\s+)?(?<!\w){re.escape(left[0].key)}(?!\w)", re.IGNORECASE)
    return named.sub(" ", text.replace(beside.group(), " "))


def _bound_column(text: str, bound: re.Match[str], table: Table) -> tuple[Column, Callable[[Value], bool]] | None:
    given = next(bound[name] for name in "abcdefg" if bound[name])
    unit = unit_of(next((bound[f"u{name}"] for name in "abcd" if bound[name] and bound[f"u{name}"]), "") or "")
    high = bool(bound["more"] or bound["least"] or bound["after"] or bound["since"])
    equal = bool(bound["least"] or bound["most"] or bound["since"])
    word = next(bound[name] for name in ("more", "least", "less", "most", "after", "since", "before") if bound[name])
    adjective = adjective_of(word.split()[0].lower(), "", "er")
    asked = set(terms(text.replace(bound.group(), " "), keep_stop=True))
    day = day_of(given.strip("-.,"))
    if bound["after"] or bound["since"] or bound["before"] or (day and adjective in ("old", "young", "new")):
        if adjective == "old":
            high = False
        dates = [column for column in table.columns if column.kind == "date"]
        named = [column for column in dates if column.words & asked] or dates
        if len(named) != 1 or day is None:
            return None
        return named[0], _beyond_day(day, given.strip("-.,"), high, equal)
    column = _number_column(table, asked, adjective, unit)
    limit = amount_in(given.strip("-.,"))
    if column is None or limit is None or (unit and column.units and column.units != {unit}):
        return None
    number = limit[0]

    def meets(value: Value) -> bool:
        return (value == number and equal) or beyond(value, number, 1 if high else -1)

    return column, meets


def _beyond_day(day: tuple[int, int, int], given: str, high: bool, equal: bool) -> Callable[[Value], bool]:
    """Is a day after (before) another one, of which the year, the month or all is given?"""
    parts = given.count("-") + 1

    def meets(value: Value) -> bool:
        assert isinstance(value, tuple)
        own, limit = value[:parts], day[:parts]
        return (own == limit and equal) or (own > limit if high else own < limit)

    return meets


def _number_column(table: Table, asked: set[str], adjective: str, unit: str) -> Column | None:
    """The column of numbers that a bound is meant for: named in the question, of the adjective's measure, of its unit,
    or the only one."""
    numeric = [column for column in table.columns if column.kind == "number" and len(column.units) < 2]
    named = [column for column in numeric if column.words & asked]
    if not named:
        wider = measure_words(asked) | frozenset(
            word for name, _ in measures_of(adjective) for word in measures()[name].words
        )
        named = [column for column in numeric if column.words & wider]
    if len(named) > 1 and unit:
        named = [column for column in named if unit in column.units]
    if not named and unit:
        named = [column for column in numeric if unit in column.units]
    if len(named) == 1:
        return named[0]
    return numeric[0] if len(numeric) == 1 and not named else None


def _beyond(text: str, than: re.Match[str], table: Table, found: Conditions) -> str:
    """A bound that another record sets: "more expensive than the ash panel"."""
    row = record_named(table, than["what"])
    more = (than["more"] or "").lower()
    adjective = adjective_of((than["adjective"] or than["long"] or "").lower(), more, "er")
    wanted = measures_of(adjective, -1 if more == "less" else 1)
    told = table.measured(wanted) if wanted else None
    if told is None and more and not than["long"]:
        named = table.named(terms(text.replace(than.group(), " "), keep_stop=True))
        told = (named[0], 1 if more == "more" else -1) if len(named) == 1 else None
    if row is None or told is None or not told[0].comparable(range(len(table.records))) or told[0].values[row] is None:
        found.cannot = than.group()
        return text
    column, direction = told
    limit = column.values[row]
    assert limit is not None
    found.demand([value is not None and beyond(value, limit, direction) for value in column.values])
    _unsaid(column, found)
    found.plain = False
    found.linked += 1
    return text.replace(than.group(), " ")


def record_named(table: Table, words: str) -> int | None:
    """The one record that the words name; None where none or several are."""
    wanted = set(terms(words))
    if not wanted:
        return None
    about_columns = {word for column in table.columns for word in column.words}
    labels = [set(terms(table.label(row))) for row in range(len(table.records))]
    if not any(wanted <= label for label in labels):
        # "The price of the slate tile": words of columns name no record.
        wanted = {word for word in wanted if word not in about_columns - table.called and not _measures(table, word)}
    exact = [row for row, label in enumerate(labels) if label == wanted]
    inside = [row for row, label in enumerate(labels) if label and label <= wanted] or [
        row
        for row, label in enumerate(labels)
        if wanted <= label | (table.called & wanted) and label & wanted - table.called
    ]
    chosen = exact or inside
    return chosen[0] if len(chosen) == 1 else None


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
        _unsaid(column, found)
    found.plain = False
    found.linked += 1
    found.used.add(column.key)
    return text.replace(words, " ")


def _unsaid(column: Column, found: Conditions) -> None:
    found.used.add(column.key)
    missing = sum(value is None for value in column.values)
    if missing:
        found.unsaid[column.key] = missing


# -- values ------------------------------------------------------------------------------------------------------


def _values(text: str, table: Table, asked: Sequence[str], found: Conditions, is_query: bool) -> None:
    """Each term is a value of records, a column of yes and no, or accounted for by what the records are called."""
    keys = [column.key for column in table.columns]
    size = len(table.records)
    negated = {stem(normalise(match.group(1))): match.group() for match in _NEGATED.finditer(text)}
    positive: dict[str, list[list[bool]]] = {}
    kinds = _behind_flags(text, table)
    for term in asked:
        beside = _column_beside(term, asked, table)
        holding = [term in (terms(record.value(beside)) if beside else record.held) for record in table.records]
        columns = [column for column in table.columns if term in column.words]
        flag = next((column.key for column in columns if column.is_flag), "")
        if flag and not any(holding):
            holding = [record.value(flag).casefold() in YES for record in table.records]
        elif not 0 < sum(holding) < size:
            if all(holding) or columns or term in table.called or _measures(table, term):
                found.linked += 1
            elif term not in _GENERIC and term not in kinds:
                found.unknown.append(term)
            continue
        elif term in table.about and not _is_value(table, term):
            found.linked += 1
            continue
        found.count += 1
        found.linked += 1
        if beside or flag:
            found.used.add(beside or flag)
        if term in negated:
            del negated[term]
            found.plain = False
            found.keep = [kept and not held for kept, held in zip(found.keep, holding, strict=True)]
        else:
            column = flag or _column_of(table, term, keys)
            positive.setdefault(column, []).append(holding)
    if negated:
        found.cannot = next(iter(negated.values()))
        return
    if is_query and len(positive) > 1 and re.search(r"\bor\b", text):
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


def _measures(table: Table, term: str) -> bool:
    """Does the term mean what a column of numbers holds: "earn" the salary?"""
    wider = measure_words([term])
    return any(column.kind == "number" and column.words & wider for column in table.columns)


def _column_of(table: Table, term: str, keys: Sequence[str]) -> str:
    """The column that holds the term most often."""
    counts: Mapping[str, int] = {key: sum(term in terms(record.value(key)) for record in table.records) for key in keys}
    return max(keys, key=lambda key: counts[key]) if any(counts.values()) else f"?{term}"
