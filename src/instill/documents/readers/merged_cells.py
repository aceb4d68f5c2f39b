"""Merged cells of tables, filled with the text that they show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Merge:
    """Cells that are one, from row and column `top`, `left` to `bottom`, `right`, counted from 0, ends included."""

    top: int
    left: int
    bottom: int
    right: int


def filled(rows: Iterable[Sequence[str]], merges: Sequence[Merge]) -> Iterator[tuple[list[str], frozenset[int]]]:
    """Each row with the text of merged cells in every cell that they cover, and the columns that go on to the right.

    A row that has no text of its own is left empty: a merge over a million rows does not make a million lines. A
    merge over several columns of one row is filled, too; `spanned` has the columns after its first.

    Example:
        >>> rows = [["Week 40", "Gro"], ["", "Tom"], ["", ""]]
        >>> [row for row, _ in filled(rows, [Merge(0, 0, 2, 0)])]
        [['Week 40', 'Gro'], ['Week 40', 'Tom'], ['', '']]
    """
    waiting = sorted(merges, key=lambda merge: merge.top, reverse=True)
    open_ones: list[tuple[Merge, str]] = []
    for number, row in enumerate(rows):
        shown = list(row)
        open_ones = [(merge, text) for merge, text in open_ones if merge.bottom >= number]
        while waiting and waiting[-1].top <= number:
            merge = waiting.pop()
            if merge.top == number and merge.left < len(shown) and shown[merge.left]:
                open_ones.append((merge, shown[merge.left]))
        spanned: set[int] = set()
        if open_ones and any(shown):
            for merge, text in open_ones:
                right = min(merge.right, _width(shown, merge) - 1)
                shown += [""] * (right + 1 - len(shown))
                shown[merge.left : right + 1] = [text] * (right + 1 - merge.left)
                spanned.update(range(merge.left + 1, right + 1))
        yield shown, frozenset(spanned)


def _width(row: Sequence[str], merge: Merge) -> int:
    """A merge is filled at most a hundred columns beyond what the row has: whole rows are merged for their looks."""
    return max(len(row), min(merge.right + 1, merge.left + 100))
