"""Bounds that a question sets: a number or a day, another record, another column ("below the reorder level")."""

from __future__ import annotations

import re
from collections.abc import Callable

from instill.answer.asked.adjectives import CURRENCIES, adjective_of, measure_words, measures, measures_of
from instill.answer.asked.units import UNIT
from instill.answer.found.days import day_of
from instill.answer.found.record_columns import Column, Table, Value, amount_in, beyond, unit_of
from instill.answer.found.record_named import record_named
from instill.answer.found.records_that_meet import Conditions
from instill.answer.terms import terms

_THAN = re.compile(
    r"\b(?:(?P<adjective>\w+er)|(?P<more>more|less)(?: (?P<long>\w+))?) than\b(?P<what>[^?.]*)", re.IGNORECASE
)
NEGATED = re.compile(
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
_BETWEEN = re.compile(
    rf"\bbetween\s+(?P<low>\d[\d.,-]*)(?P<ul>{UNIT})?\s+(?:and|to)\s+(?P<high>\d[\d.,-]*)(?P<uh>{UNIT})?", re.IGNORECASE
)
_OR_MORE = re.compile(
    rf"(?P<number>(?<![\w.-])\d[\d.,]*{UNIT}?)(?P<noun>(?:\s+[a-z-]+)?)\s+or\s+"
    r"(?:(?P<more>more|over|above|higher|greater)|(?:less|fewer|under|below|lower))\b(?! than)",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_JOIN = re.compile(r"\s*[,;]\s+(?:(?:and|but|or)\s+)?|\s+(?:and|but|or)\s+", re.IGNORECASE)
_BESIDE = re.compile(
    r"\b(?:(?P<low>below|under|(?:less|lower|fewer|smaller) than)"
    r"|(?P<high>above|over|(?:more|higher|greater|larger) than|exceed(?:s|ing)?))"
    r"\s+(?:the |its |their )?(?P<what>[a-z][\w-]*(?:\s+[a-z][\w-]*){0,2})",
    re.IGNORECASE,
)
"""One column held against another: "below the reorder level"."""


_REORDER = re.compile(
    r"(?:\b(?:do|does|did) (?:we|i|you|they)\s+)?"
    r"\b(?:(?:have|has|need|needs|must|should|ought|are|is)(?: to)?(?: be)? )"
    r"(?:re-?order(?:ed)?|order(?:ed)?(?: again| soon| now)?|restock(?:ed)?)\b"
    r"|\b(?:to be|to) (?:re-?order(?:ed)?|restock(?:ed)?)\b"
    r"|\b(?:(?:are|is|we are|we're) )?(?:running|run) (?:low|short)(?: (?:of|on))?\b",
    re.IGNORECASE,
)
_ORDER_AT = re.compile(r"(?:re-?)?order|minimum|min(?=_| )|threshold|restock", re.IGNORECASE)


def has_bound(text: str) -> bool:
    """Does it hold a bound, a comparison or a negation?"""
    return bool(
        _BOUND.search(text)
        or _BETWEEN.search(text)
        or _OR_MORE.search(text)
        or _THAN.search(text)
        or NEGATED.search(text)
    )


def bounded(text: str, table: Table, found: Conditions) -> str:
    """Bounds by a number or a day ("over 500", "after 2018"), and by another record ("older than laser-2")."""
    text = _in_plain_bounds(_to_reorder(text, table), table)
    while (bound := _BOUND.search(text)) and not found.cannot:
        chosen = next(filter(None, (_bound_column(said, bound, table) for said in _said_with(text, bound))), None)
        if chosen is None:
            found.cannot = bound.group()
            return text
        column, meets = chosen
        found.demand([value is not None and meets(value) for value in column.values])
        found.note_unsaid(column)
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


def _in_plain_bounds(text: str, table: Table) -> str:
    """ "Between 20 and 100" and "10 or more" as plain bounds, whose limits are among what they let through."""
    dated = any(column.kind == "date" for column in table.columns)

    def between(match: re.Match[str]) -> str:
        low, high, unit = match["low"], match["high"], match["ul"] or match["uh"] or ""
        if dated and _YEAR.fullmatch(low) and _YEAR.fullmatch(high):
            return f"since {low} before {int(high) + 1}"
        return f"at least {low}{unit} at most {high}{unit}"

    def or_more(match: re.Match[str]) -> str:
        return f"{'at least' if match['more'] else 'at most'} {match['number']}{match['noun']}"

    return _OR_MORE.sub(or_more, _BETWEEN.sub(between, text))


def _said_with(text: str, bound: re.Match[str]) -> list[str]:
    """The clause of a bound; and what else is said but in the clauses of other bounds, for which that is meant.

    "Cost less than 100 and have more than 2 in stock" has two clauses, "more than 10 and less than 20 seats" one.
    """
    joins = [match for match in _JOIN.finditer(text) if not _BOUND.match(text, match.end())]
    ends = [0, *(match.end() for match in joins)]
    starts = [*(match.start() for match in joins), len(text)]
    clauses = [text[start:stop] for start, stop in zip(ends, starts, strict=True)]
    own = next(place for place, stop in enumerate(starts) if bound.start() < stop)
    others = [clause for place, clause in enumerate(clauses) if place == own or not _BOUND.search(clause)]
    return [clauses[own], " ".join(others)]


def _to_reorder(text: str, table: Table) -> str:
    """What has to be ordered again is what is below the column that says when: "below reorder_at"."""
    match = _REORDER.search(text)
    limits = [each for each in table.columns if each.kind == "number" and _ORDER_AT.search(each.key)]
    if match is None or len(limits) != 1:
        return text
    return text.replace(match.group(), f" below {limits[0].key.replace('_', ' ')} ")


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
        found.note_unsaid(column)
    found.plain = False
    found.linked += 1
    named = re.compile(rf"(?:\b(?:has|have|having|with|whose)\s+)?(?<!\w){re.escape(left[0].key)}(?!\w)", re.IGNORECASE)
    return named.sub(" ", text.replace(beside.group(), " "))


def _bound_column(said: str, bound: re.Match[str], table: Table) -> tuple[Column, Callable[[Value], bool]] | None:
    """The column that a bound is meant for, by what is said with it, and which values meet it."""
    given = next(bound[name] for name in "abcdefg" if bound[name])
    unit = unit_of(next((bound[f"u{name}"] for name in "abcd" if bound[name] and bound[f"u{name}"]), "") or "")
    high = bool(bound["more"] or bound["least"] or bound["after"] or bound["since"])
    equal = bool(bound["least"] or bound["most"] or bound["since"])
    word = next(bound[name] for name in ("more", "least", "less", "most", "after", "since", "before") if bound[name])
    adjective = adjective_of(word.split()[0].lower(), "", "er")
    asked = set(terms(said.replace(bound.group(), " "), keep_stop=True))
    day = day_of(given.strip("-.,"))
    if bound["after"] or bound["since"] or bound["before"] or (day and adjective in ("old", "young", "new")):
        if adjective == "old":
            high = False
        dates = [column for column in table.columns if column.kind == "date"]
        named = [column for column in dates if column.words & asked] or dates
        if len(named) > 1 and adjective:  # "Older than 1920": when they were built, not when a licence ends.
            ages = [name for name, _ in measures_of(adjective) if measures()[name].dated]
            named = [column for column in named if any(column.words & measures()[name].words for name in ages)]
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
    if unit:  # The only other number is none of money, or of days.
        prices = measures()["price"].words if unit in CURRENCIES else frozenset[str]()
        numeric = [column for column in numeric if column.words & prices]
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
    found.note_unsaid(column)
    found.plain = False
    found.linked += 1
    return text.replace(than.group(), " ")
