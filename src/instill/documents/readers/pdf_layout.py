"""Columns on a page: text set in columns that was drawn row by row, and tables.

A gutter is a strip that no word of several rows below each other reaches into. Prose on both sides of it is columns,
read one after the other; anything else with names over its columns is a table. Lines that show neither are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from instill.documents.readers.column_names import layout

_WIDE = 0.8
"""A gap between words from which on it may be a gutter, in line heights; spaces are about a quarter wide."""

_NARROW = 0.45
"""What must be left of it, below all rows."""

_FAR = 2.5
"""White space between rows, in line heights, that ends a region."""

_LEAST_ROWS = 4
_LEAST_TABLE_ROWS = 2
_LEAST_CELLS = 3
"""Of a table, names not counted: two columns need two rows, three need one."""

_LONGEST_NAME = 60
_FIGURE = re.compile(r"[$€£]?\s*(?!(?:19|20)\d\d\b)\d")
_PROSE_WORDS = 3.0
_PROSE_FILL = 0.6
_PROSE_LOWER = 0.25
_NOTHING: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Row:
    """Words that stand beside each other, from left to right; `height` of a line, `gap` white space over it."""

    words: tuple[Word, ...]
    height: float
    gap: float
    """In points."""

    bold: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """Rows `[first, last)` cut by gutters: `cells` has the text of each row in each column."""

    first: int
    last: int
    gutters: tuple[tuple[float, float], ...]
    cells: tuple[tuple[str, ...], ...]
    prose: bool
    names: tuple[str, ...] = ()
    """Of a table's columns; empty for one that goes on from the page before."""

    def written(self) -> str:
        """A table's rows with bars, a line of dashes below the names."""
        rows = [self.names, ("---",) * len(self.names)] if self.names else []
        return "\n".join(f"| {' | '.join(cell.replace('|', '¦') for cell in row)} |" for row in [*rows, *self.cells])


def regions(rows: Sequence[Row]) -> list[Region]:
    """Columns of prose and tables, in order, none overlapping another."""
    found: list[Region] = []
    first = 0
    while first < len(rows):
        last, gutters = _extended(rows, first)
        region = _region(rows, first, last, gutters) if gutters and last - first >= _LEAST_TABLE_ROWS else None
        if region is None:
            first += 1
        else:
            found.append(region)
            first = region.last
    return found


def continues(region: Region, rows: Sequence[Row], first: int) -> Region | None:
    """The rows from `first` on that go on with a table on the page before: cut by the same gutters."""
    gutters = list(region.gutters)
    last = first
    while last < len(rows) and (last == first or rows[last].gap <= _FAR * rows[last].height):
        cells = _cells(rows[last], gutters)
        if cells is None or sum(map(bool, cells)) < 2 or not cells[0] or not _is_apart(rows[last], gutters):
            break
        last += 1
    if last == first:
        return None
    every = tuple(tuple(_cells(row, gutters) or ()) for row in rows[first:last])
    return Region(first, last, region.gutters, every, False)


def _extended(rows: Sequence[Row], first: int) -> tuple[int, list[tuple[float, float]]]:
    """Where the rows end that have gutters in common with row `first`, and those gutters."""
    gutters = [gap for gap in _gaps(rows[first]) if gap[1] - gap[0] >= _WIDE * rows[first].height]
    last = first + 1
    while gutters and last < len(rows) and rows[last].gap <= _FAR * rows[last].height:
        least = _NARROW * rows[last].height
        free = [
            (float("-inf"), rows[last].words[0].left),
            *_gaps(rows[last]),
            (rows[last].words[-1].right, float("inf")),
        ]
        kept = [
            (max(low, left), min(high, right))
            for low, high in gutters
            for left, right in free
            if min(high, right) - max(low, left) >= least
        ]
        inner = [gap for gap in kept if any(word.right <= gap[0] for row in rows[first:last] for word in row.words)]
        if not inner:
            break
        gutters = inner
        last += 1
    return last, gutters


def _gaps(row: Row) -> list[tuple[float, float]]:
    return [
        (before.right, after.left)
        for before, after in zip(row.words, row.words[1:], strict=False)
        if after.left > before.right
    ]


def _region(rows: Sequence[Row], first: int, last: int, gutters: Sequence[tuple[float, float]]) -> Region | None:
    chosen = rows[first:last]
    both = [gap for gap in gutters if _crossed(chosen, gap) >= 0.6 * len(chosen)]
    if not both:
        return None
    cells = [_cells(row, both) for row in chosen]
    if any(row is None for row in cells):
        return None
    filled = tuple(tuple(row) for row in cells if row is not None)
    apart = all(_is_apart(row, both) for row in chosen)
    if apart and len(filled) >= _LEAST_ROWS and len(both) <= 2 and _is_prose(filled, len(both) + 1):
        return Region(first, last, tuple(both), filled, True)
    found = layout([(list(row), _NOTHING) for row in filled])
    body = filled[found.above + found.head :]
    while body and sum(map(bool, body[-1])) < 2:  # what stands below the table
        body = body[:-1]
    last = first + found.above + found.head + len(body)
    regular = [row for row in body if row[0] and sum(map(bool, row)) >= max(2, 0.6 * len(row))]
    if not found.names or len(found.names) * len(body) < _LEAST_CELLS or len(regular) < 0.9 * len(body):
        return None
    if not all(_is_name(name) for name in (found.names if found.names[0] else found.names[1:])):
        return None
    top, below = rows[first + found.above], rows[first + found.above + found.head : last]
    if found.names[0] and top.words[0].left > min(row.words[0].left for row in below) + 3 * top.height:
        return None  # the first name stands over another column
    stands_out = top.bold and not below[0].bold
    if len(found.names) == 2 and not stands_out and not _is_figures(row[1] for row in body):
        return None  # a list of terms, perhaps, whose first one names nothing
    if not all(_is_apart(row, both) for row in rows[first + found.above : last]):
        return None
    return Region(first + found.above, last, tuple(both), body, False, found.names)


def _is_figures(cells: Iterable[str]) -> bool:
    """Whether most of a column's cells have more digits than letters."""
    most = [
        sum(character.isdigit() for character in cell) > sum(character.isalpha() for character in cell)
        for cell in cells
        if cell
    ]
    return sum(most) > 0.6 * len(most)


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and _FIGURE.match(text) is None and any(map(str.isalpha, text))


def _is_apart(row: Row, gutters: Sequence[tuple[float, float]]) -> bool:
    """Whether the row's words on both sides of each gutter stand further apart than words of a sentence do."""
    for low, high in gutters:
        left = [word.right for word in row.words if word.right <= high and (word.left + word.right) < low + high]
        right = [word.left for word in row.words if (word.left + word.right) > low + high]
        if left and right and min(right) - max(left) < _WIDE * row.height:
            return False
    return True


def _crossed(rows: Sequence[Row], gap: tuple[float, float]) -> int:
    """Rows with words on both sides of the gap."""
    return sum(row.words[0].right <= gap[0] and row.words[-1].left >= gap[1] for row in rows)


def _cells(row: Row, gutters: Sequence[tuple[float, float]]) -> list[str] | None:
    """The row's text by column; None where a word reaches over a gutter."""
    columns: list[list[str]] = [[] for _ in range(len(gutters) + 1)]
    for word in row.words:
        if any(word.left < low and word.right > high for low, high in gutters):
            return None
        middle = (word.left + word.right) / 2
        columns[sum(middle > (low + high) / 2 for low, high in gutters)].append(word.text)
    return [" ".join(words) for words in columns]


def _is_prose(cells: Sequence[Sequence[str]], columns: int) -> bool:
    """Whether every column is running text: several words a line, lines about as long as the column, sentences that go
    on in the next line."""
    for column in range(columns):
        texts = [row[column] for row in cells if row[column]]
        if len(texts) < _LEAST_ROWS - 1 or sum(len(text.split()) for text in texts) < _PROSE_WORDS * len(texts):
            return False
        longest = max(map(len, texts))
        lower = sum(text[:1].islower() for text in texts)
        figures = sum(re.fullmatch(r"[\d.,%$€£()-]+", word) is not None for text in texts for word in text.split())
        if sum(map(len, texts)) < _PROSE_FILL * longest * len(texts) or lower < _PROSE_LOWER * len(texts):
            return False
        if figures > 0.25 * sum(len(text.split()) for text in texts):
            return False
    return True
