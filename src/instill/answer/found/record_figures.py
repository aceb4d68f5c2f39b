"""What is told of the records that match: the highest of them, how many, their sum or mean, how two of them compare.

A figure is given only where it is clear which column is meant and all its values have one unit; otherwise it is said
why there is none, and the records speak for themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal

from instill.answer.asked.adjectives import CURRENCIES, Measures, measures
from instill.answer.asked.record_wish import Extreme
from instill.answer.found.record_columns import Column, Table, beyond
from instill.answer.terms import terms

_HOW_MUCH = re.compile(r"\bhow much (?:more|less|\w+er)\b|\bby how much\b", re.IGNORECASE)

LONGEST_SHORT = 160
"""Longest short answer in characters; what is longer is said by the records."""


@dataclass(frozen=True, slots=True)
class Figure:
    """`rows` are the records to show, `short` the figure, `said` a sentence on how it came about or why there is none.

    `told` is False where the column cannot be told.
    """

    rows: tuple[int, ...]
    short: str
    said: str
    told: bool = True


def extreme_of(
    table: Table, rows: Sequence[int], extreme: Extreme, used: frozenset[str], asked: frozenset[str]
) -> Figure:
    """The records of `rows` that come first in the order asked for; of several periods, of each.

    Args:
        used: keys of columns that a condition looks at already: "floor 2".
        asked: terms of the question, for the name of a period.
    """
    chosen = _extreme_column(table, extreme, used, rows)
    if chosen is None:
        return Figure((), "", "", told=False)
    column, direction = chosen
    found: list[int] = []
    parts: list[str] = []
    for period in _periods(table, rows, used, asked):
        best = _best(column, period, direction, extreme.count, extreme.place)
        found += best
        parts.append(_ranked(table, column, best))
    missing = sum(column.values[row] is None for row in rows)
    if column.kind == "date":
        order = "Latest" if direction > 0 else "Earliest"
    else:
        order = "Highest" if direction > 0 else "Lowest"
    total = len(table.records)
    among = f"{total} records of {table.name}"
    among = among if len(rows) == total else f"{len(rows)} of {among} that fit the question"
    said = f'{order} "{column.key}" among the {among}' + (f"; {_count(missing)} none." if missing else ".")
    short = "; ".join(part for part in parts if part)
    return Figure(tuple(found), short if found and len(short) <= LONGEST_SHORT else "", said)


def count_of(table: Table, rows: Sequence[int], used: frozenset[str], asked: frozenset[str]) -> str:
    """How many there are; of several periods, in each."""
    periods = _periods(table, rows, used, asked)
    if len(periods) < 2 or table.period is None:
        return str(len(rows))
    return ", ".join(f"{len(each)} in {table.period.cells[each[0]]}" for each in periods)


def total_of(
    table: Table, rows: Sequence[int], asked: frozenset[str], *, mean: bool, used: frozenset[str] = frozenset()
) -> Figure:
    """The sum (mean) of the column that the question names, over `rows`."""
    what = "mean" if mean else "sum"
    free = replace(table, columns=tuple(column for column in table.columns if column.key not in used))
    named = free.named(asked)
    if len(named) != 1 or named[0].kind != "number":
        few = [column for column in named if column.kind == "number"]
        reason = (
            f"it could be of {' or of '.join(quoted(column.key) for column in few)}"
            if len(few) > 1
            else "the question names no column of numbers that can be added"
        )
        return Figure(tuple(rows), "", f"No {what} is given: {reason}.", told=False)
    column = named[0]
    if not column.comparable(rows):
        units = " and ".join(sorted(column.units_of(rows)))
        return Figure(tuple(rows), "", f'No {what} is given: the values of "{column.key}" are in {units}.')
    periods = _periods(table, rows, used, asked)
    if len(periods) > 1 and table.period is not None:
        years = " and ".join(table.period.cells[each[0]] for each in periods)
        return Figure(tuple(rows), "", f"No {what} is given: the records are of {years}.")
    values = [(row, value) for row in rows if isinstance(value := column.values[row], Decimal)]
    if not values:
        return Figure(tuple(rows), "", f'No {what} is given: none of them has a number under "{column.key}".')
    total = sum((value for _, value in values), Decimal(0))
    result, rounded = _divided(total, len(values), column) if mean else (total, False)
    said = f'{what.capitalize()} of "{column.key}" over {len(values)} record{"s" * (len(values) != 1)}'
    said += ", rounded" if rounded else ""
    missing = len(rows) - len(values)
    said += f"; {_count(missing)} no number there." if missing else "."
    return Figure(tuple(rows), with_unit(result, column, rows), said)


def compared(table: Table, rows: Sequence[int], column: Column, direction: int, form: str) -> Figure:
    """How records compare in a column.

    Args:
        rows: in the order of the question.
        form: "yesno" (is the first above the others?), "which" (which comes first?), or "difference".
    """
    values = [column.values[row] for row in rows]
    cells = [column.cells[row] for row in rows]
    if any(value is None for value in values):
        lacking = " and ".join(table.label(row) for row, value in zip(rows, values, strict=True) if value is None)
        return Figure(tuple(rows), "", f'{lacking} has no value under "{column.key}".')
    first, *others = values
    against = _against(cells)
    if form == "difference" and len(rows) == 2 and isinstance(first, Decimal) and isinstance(others[0], Decimal):
        gap = first - others[0] if direction > 0 else others[0] - first
        shown = with_unit(gap if direction else abs(gap), column, rows)
        return Figure(tuple(rows), f"{shown} ({against})", "")
    if form == "yesno":
        above = all(beyond(first, other, direction) for other in others if first is not None and other is not None)
        same = len(set(values)) == 1
        return Figure(tuple(rows), f"{'Yes' if above else 'No'}: {f'both {cells[0]}' if same else against}", "")
    if form == "which":
        best = _best(column, rows, direction, 1, 1)
        names = " and ".join(table.label(row) for row in best)
        rest = [row for row in rows if row not in best]
        return Figure(tuple(rows), f"{names}: {_against([column.cells[row] for row in (*best[:1], *rest)])}", "")
    return Figure(tuple(rows), against, "")


def change_of(column: Column, rows: Sequence[int], question: str, *, past: bool = False) -> str:
    """How two values differ, the newer row first: "from 45.00 to 48.50 EUR"; of the past the older value alone."""
    new, old = (column.cells[row] for row in rows)
    if not new or not old or None in (column.values[row] for row in rows):
        return ""
    if past:
        return old
    gap = Decimal(0)
    if isinstance(one := column.values[rows[0]], Decimal) and isinstance(other := column.values[rows[1]], Decimal):
        gap = one - other
    if gap and _HOW_MUCH.search(question):
        return f"{with_unit(gap, column, rows)} ({_against((new, old))})"
    return f"from {_against((old, new)).replace(' against ', ' to ')}" if new != old else f"unchanged: {new}"


def comparison_column(
    table: Table, wanted: Measures, named: frozenset[str], rows: Sequence[int]
) -> tuple[Column, int] | None:
    """The column that an adjective measures, or that the question names; None where it cannot be told."""
    told = table.measured(wanted)
    if told is None:
        direction = wanted[0][1] if wanted else 1
        columns = table.named(named)
        told = (columns[0], direction) if len(columns) == 1 else None
    return told if told and told[0].comparable(rows) else None


def with_unit(number: Decimal, column: Column, rows: Sequence[int]) -> str:
    """A number of a column with its decimals and the unit that the records of `rows` have."""
    places = max((-int(value.as_tuple().exponent) for value in column.values if isinstance(value, Decimal)), default=0)
    if -int(number.as_tuple().exponent) < places:
        number = number.quantize(Decimal(1).scaleb(-places))
    text = f"{number:f}".replace("-", "−")
    unit = column.unit_text(rows)
    return f"{text} {unit}".strip() if unit != "%" else f"{text}%"


def quoted(text: str) -> str:
    """The text in quotation marks."""
    return f'"{text}"'


def _extreme_column(
    table: Table, extreme: Extreme, used: frozenset[str], rows: Sequence[int]
) -> tuple[Column, int] | None:
    free = replace(table, columns=tuple(column for column in table.columns if column.key not in used))
    told: tuple[Column, int] | None = None
    own = [column for column in free.columns if column.kind == "number" and column.words & set(terms(extreme.words))]
    if len(own) == 1:  # "The heaviest bell", of a column "heaviest_bell_kg".
        return (own[0], extreme.direction) if own[0].comparable(rows) else None
    named = free.named(extreme.noun) if extreme.noun else []
    if len(named) == 1 and (not extreme.measures or extreme.anything):
        told = named[0], extreme.direction
    elif (not named and extreme.measures) or (named and extreme.measures and not extreme.anything):
        told = free.measured(extreme.measures)
    if told is None and extreme.anything and not named:
        # "The largest branch": the only number, where the noun is what the records are called.
        money = measures()["price"].words
        numbers = free.numbers()
        if extreme.measures and all(column.words & money or column.units & CURRENCIES for column in numbers):
            numbers = []  # The biggest is not the dearest.
        called = not extreme.noun or bool(set(extreme.noun) & table.called)
        told = (numbers[0], extreme.direction) if called and len(numbers) == 1 else None
    return told if told and told[0].comparable(rows) else None


def _best(column: Column, rows: Sequence[int], direction: int, count: int, place: int) -> list[int]:
    """The rows with the first values in the order, all that are equal to the last of them; by place, the place's."""
    valued = [row for row in rows if column.values[row] is not None]
    # Values that are compared are of one kind (`comparable`), which a type cannot say.
    valued.sort(key=lambda row: column.values[row], reverse=direction > 0)  # type: ignore[arg-type, return-value]
    if place > 1:
        distinct = list(dict.fromkeys(column.values[row] for row in valued))
        return [row for row in valued if len(distinct) >= place and column.values[row] == distinct[place - 1]]
    if not valued:
        return []
    last = column.values[valued[min(count, len(valued)) - 1]]
    return [row for n, row in enumerate(valued) if n < count or column.values[row] == last]


def _ranked(table: Table, column: Column, rows: Sequence[int]) -> str:
    """Names with their values, those with the same value together: "Cherry and Walnut: 61.00 EUR"."""
    by_value: dict[str, list[str]] = {}
    for row in rows:
        by_value.setdefault(in_full(column, row), []).append(table.label(row))
    if not all(name for names in by_value.values() for name in names):
        return ""
    return "; ".join(f"{_and(names)}: {cell}" for cell, names in by_value.items())


_SPANS = frozenset({"second", "minute", "hour", "day", "week", "month", "year"})


def in_full(column: Column, row: int) -> str:
    """A cell, with the unit that only the column's name gives: "3350 g" under "weight_g"."""
    cell = column.cells[row].strip()
    unit = column.row_units[row] if column.row_units and re.fullmatch(r"[-−]?\d[\d.,'\s]*", cell) else ""
    if unit in _SPANS and column.values[row] != 1:
        unit += "s"
    return f"{cell} {unit}".strip() if unit != "%" else f"{cell}%"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _periods(table: Table, rows: Sequence[int], used: frozenset[str], asked: frozenset[str]) -> list[list[int]]:
    """The rows of each period, the newest first; all together where the question speaks of the period itself."""
    period = table.period
    if period is None or period.key in used or period.words & asked:
        return [list(rows)]
    years = sorted({period.cells[row] for row in rows}, reverse=True)
    return [[row for row in rows if period.cells[row] == year] for year in years] or [[]]


def _divided(total: Decimal, number: int, column: Column) -> tuple[Decimal, bool]:
    """The mean with one more digit than the values, two behind the point at least; whether it is rounded."""
    places = max((-int(value.as_tuple().exponent) for value in column.values if isinstance(value, Decimal)), default=0)
    mean = total / number
    short = mean.quantize(Decimal(1).scaleb(-max(2, places)), rounding=ROUND_HALF_EVEN)
    return (short.normalize() if short == short.to_integral() and not places else short), short * number != total


def _against(cells: Sequence[str]) -> str:
    """ "48.50 against 41.20 EUR": a unit that all share is said once."""
    tails = {cell.rpartition(" ")[2] if " " in cell else "" for cell in cells}
    shared = next(iter(tails)) if len(tails) == 1 else ""
    if shared and not any(character.isdecimal() for character in shared):
        cells = [*(cell.rpartition(" ")[0] for cell in cells[:-1]), cells[-1]]
    return " against ".join(cells)


def _count(number: int) -> str:
    return "one of them has" if number == 1 else f"{number} of them have"


def terms_of(text: str) -> frozenset[str]:
    """All terms of a text, function words too."""
    return frozenset(terms(text, keep_stop=True))
