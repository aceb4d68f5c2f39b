"""Which of the first rows of a table name its columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_NUMBER = re.compile(r"[-+(]?[$€£]?\s*\d[\d\s.,]*\s*(?:%|[$€£])?\)?")
_YEAR = re.compile(r"(?:19|20)\d\d")
_LONGEST_NAME = 80
LOOKED_AT = 8
"""Rows from the top in which the names of the columns are looked for."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the first rows of a table are: `above` lines before it, then `head` rows that give `names`."""

    above: int
    head: int
    names: tuple[str, ...]


def layout(rows: Sequence[tuple[Sequence[str], frozenset[int]]]) -> Layout:
    """Where the names of the columns stand in the first rows of a table; `names` is empty where nothing names them.

    Rows above that fill one cell, or one merged cell over all columns, are a title. Names are filled, short, different
    and no numbers; of several rows of names (a year over its quarters) each column gets all of its own.

    Example:
        >>> nothing = frozenset[int]()
        >>> layout([(["Rota", ""], nothing), (["Week", "Who"], nothing), (["40", "Gro"], nothing)])
        Layout(above=1, head=1, names=('Week', 'Who'))
    """
    first = rows[:LOOKED_AT]
    widest = max((_filled(row) for row, _ in first), default=0)
    for number, (row, spanned) in enumerate(first):
        distinct = _distinct(row, spanned)
        if distinct < 2:
            continue  # a title
        below = first[number + 1] if number + 1 < len(first) else None
        if below is None:
            break
        deep = _depth(first[number:])
        if deep > 1:
            joined = _joined([entry for entry, _ in first[number : number + deep]])
            after = first[number + deep][0] if number + deep < len(first) else ()
            if are_names(joined, after):
                return Layout(number, deep, tuple(joined))
        if are_names(row, below[0]) and not _is_pair(first[number:]):
            return Layout(number, 1, tuple(row))
        if _filled(row) >= 0.6 * widest:
            break  # the table has begun
    return Layout(0, 0, ())


def renames(now: Layout, found: Layout, rows: Sequence[tuple[Sequence[str], frozenset[int]]]) -> bool:
    """Whether a part of a sheet after an empty row is a table of its own, with `found` as its names, and does not go on
    with the one before. It is where it names columns that had no name, or has its names again, or where all that
    stands below one of its names is numbers, and names stood there too: rows of words alone are not told from names.

    Example:
        >>> nothing = frozenset[int]()
        >>> rows = [(["Dish", "Price"], nothing), (["Soup", "5"], nothing), (["Pie", "7"], nothing)]
        >>> now = Layout(0, 1, ("Name", "City"))
        >>> renames(now, layout(rows), rows), renames(now, layout(rows[1:]), rows[1:])
        (True, False)
    """
    if not found.head:
        return False
    named = {column for column, name in enumerate(found.names) if name}
    if found.names == now.names or named - {column for column, name in enumerate(now.names) if name}:
        return True
    below = [row for row, _ in rows[found.above + found.head :]]
    return len(below) > 1 and any(
        all(column < len(row) and _NUMBER.fullmatch(row[column]) for row in below) for column in named
    )


def _filled(row: Sequence[str]) -> int:
    return sum(map(bool, row))


def _distinct(row: Sequence[str], spanned: frozenset[int]) -> int:
    return sum(bool(cell) and column not in spanned for column, cell in enumerate(row))


def _depth(rows: Sequence[tuple[Sequence[str], frozenset[int]]]) -> int:
    """How many rows name the columns: as long as one has a name over several columns and the next one fits below it.

    Without merged cells a group's name stands over its first column only, and the names below repeat.
    """
    depth = 1
    while depth < min(4, len(rows) - 1):
        (above, spanned), (below, _) = rows[depth - 1], rows[depth]
        group = bool(spanned) and _all_names(below)
        names = [cell for cell in below if cell]
        apart = not spanned and len(set(names)) < len(names) and 0 < _filled(above) < len(names) and _all_names(below)
        if not group and not (apart and _all_names(above)):
            break
        depth += 1
    return depth


def _joined(rows: Sequence[Sequence[str]]) -> list[str]:
    """The names of each column from several rows, from the top, none twice in a row."""
    width = max(map(len, rows))
    columns = []
    for number, row in enumerate(rows):
        cells = [*row, *[""] * (width - len(row))]
        if number < len(rows) - 1:
            cells = _carried(cells, rows[number + 1])
        columns.append(cells)
    return [" ".join(dict.fromkeys(cell for cell in column if cell)) for column in zip(*columns, strict=True)]


def _carried(above: Sequence[str], below: Sequence[str]) -> list[str]:
    """A group's name over the columns to its right that have a name below and none above."""
    carried: list[str] = []
    last = ""
    for column, cell in enumerate(above):
        last = cell or (last if column < len(below) and below[column] else "")
        carried.append(last)
    return carried


def are_names(first: Sequence[str], second: Sequence[str]) -> bool:
    """Names over columns: filled, no numbers (but years), hardly any repeats, short."""
    names = [name for name in first if name]
    return (
        len(names) >= 2
        and len(names) >= 0.6 * _filled(second)
        and _all_names(names)
        and len(set(names)) >= 0.8 * len(names)
    )


def _all_names(row: Iterable[str]) -> bool:
    return all(
        len(name) <= _LONGEST_NAME and (not _NUMBER.fullmatch(name) or _YEAR.fullmatch(name)) for name in row if name
    )


def _is_pair(rows: Sequence[tuple[Sequence[str], frozenset[int]]]) -> bool:
    """Two columns whose rows are "name: value" each, the first one too: no row names the others' columns."""
    if any(len(row) > 2 and any(row[2:]) for row, _ in rows):
        return False
    pairs = [row for row, _ in rows if len(row) >= 2 and row[0]]
    labels = [row[0] for row in pairs]
    if sum(label.endswith(":") for label in labels) >= 0.5 * len(labels):
        return True
    values = [row[1] for row in pairs[1:] if row[1]]
    numbers = sum(_NUMBER.fullmatch(value) is not None for value in values)
    return 0 < numbers < len(values) and len(values) < LOOKED_AT - 1
