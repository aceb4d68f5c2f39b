"""Which rows a label or a filter lets through, found once a version, for legs that search all rows and sift.

A filter on metadata looks into the JSON of every row, in both legs of every search (the most of 400 ms with a million
passages). Here it is done once for a version of the table; then a leg searches without it, deep enough that what
passes fills the pool, and looks its rows up in a sorted list. Where too few rows pass for that, or too few passed, the
leg is searched under the condition as before, so nothing is ever missing.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instill.index.lance_tables import Table

FROM_ROWS = 50_000
"""Smaller tables are searched under the condition: that is fast enough there, and exact."""

DEEPEST = 4000
"""Rows that the vector leg lists before it sifts; a condition that would need more is given to the leg. At a million
passages 4,000 take 44 ms."""

DEEPEST_BY_WORDS = 20_000
"""The same for the keyword leg, which lists so many in 30 ms."""

_MARGIN = 1.4
_MOST_BYTES = 256_000_000

RowIds = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sieve:
    """The rows of one version that pass, by sorted row id, of `total` rows.

    Example:
        >>> sieve = Sieve(np.array([1, 4, 9]), 6)
        >>> sieve.passing(np.array([9, 2, 1])).tolist(), sieve.depth(10)
        ([True, False, True], 78)
    """

    rows: RowIds
    total: int

    def passing(self, rows: RowIds) -> NDArray[np.bool_]:
        """Of each row whether it passes."""
        if not len(self.rows):
            return np.zeros(len(rows), dtype=bool)
        at = np.searchsorted(self.rows, rows)
        found: NDArray[np.bool_] = self.rows[np.minimum(at, len(self.rows) - 1)] == rows
        return found

    def depth(self, wanted: int, deepest: int = DEEPEST) -> int | None:
        """How many rows to list so that `wanted` of them are expected to pass; None where it is more than `deepest`."""
        needed = int(_MARGIN * wanted * self.total / max(1, len(self.rows))) + 50
        return needed if needed <= deepest else None


class Sieves:
    """Sieves and other lists of rows, the latest used ones. Safe to share between threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, str], RowIds] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def of(self, table: Table, condition: str) -> Sieve | None:
        """The rows under a condition; None for none, and for a small table."""
        if not condition:
            return None
        total = int(table.count_rows())
        if total < FROM_ROWS:
            return None
        return Sieve(self.rows(table, condition, lambda: rows_under(table, condition)), total)

    def rows(self, table: Table, name: str, find: Callable[[], RowIds]) -> RowIds:
        """The sorted rows that `find` gives, which is called once for a version of the table."""
        key = (int(table.version), name)
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
        found = np.sort(find())
        with self._lock:
            if key not in self._kept:
                self._kept[key] = found
                self._bytes += found.nbytes
            while self._bytes > _MOST_BYTES and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return found


def rows_under(table: Table, condition: str) -> RowIds:
    """The row ids of all rows under a condition."""
    found = table.search().where(condition).select(["ordinal"]).with_row_id(True).limit(None).to_arrow()
    rows: RowIds = found["_rowid"].to_numpy().astype(np.int64)
    return rows
