"""Rows of a table as lines that can be understood without the header.

    Country: France; Capital: Paris; Inhabitants: 68 000 000

Where a table has no header row, its cells are joined by " | ".
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence

from instill.documents.readers.column_names import LOOKED_AT, Layout, layout, renames
from instill.documents.readers.job import Job
from instill.documents.readers.merged_cells import Merge, filled
from instill.errors import DocumentError

_MAX_CELLS = 10_000_000
_Row = tuple[list[str], frozenset[int]]


def row_lines(rows: Iterable[Sequence[object]], job: Job, merges: Sequence[Merge] = ()) -> Iterator[str]:
    """Rows as lines with the names of their columns; what stands above the names is a line of its own."""
    now: Layout | None = None
    unused: set[int] = set()
    for part in _parts(_filled(rows, job, merges)):
        first = list(itertools.islice(part, LOOKED_AT))
        found = layout(first)
        if now is None or renames(now, found, first):
            yield from _named_only(now, unused)
            now = found
            unused = set(range(len(found.names))) if found.head > 1 else set()
        else:
            found = Layout(0, 0, now.names)
        for number, (row, spanned) in enumerate(itertools.chain(first, part)):
            if not found.above <= number < found.above + found.head:
                unused -= {column for column, cell in enumerate(row) if cell and number >= found.above}
                yield _line(row, spanned, found.names if number >= found.above else ())
    yield from _named_only(now, unused)


def _named_only(found: Layout | None, unused: Collection[int]) -> Iterator[str]:
    """What stands in several rows of names over a column without values may be more than a name, and is not lost."""
    names = [found.names[column] for column in sorted(unused) if found.names[column]] if found else []
    if names:
        yield " | ".join(names)


def _parts(rows: Iterable[_Row]) -> Iterator[Iterator[_Row]]:
    """The rows between empty ones; each part is read to its end before the next."""
    for filled_, part in itertools.groupby(rows, lambda each: any(each[0])):
        if filled_:
            yield part


def _filled(
    rows: Iterable[Sequence[object]], job: Job, merges: Sequence[Merge]
) -> Iterator[tuple[list[str], frozenset[int]]]:
    """The rows, within the limit of cells."""
    cells = 0
    for number, (row, spanned) in enumerate(filled(([_shown(cell) for cell in row] for row in rows), merges)):
        cells += sum(map(bool, row))
        if cells > _MAX_CELLS:
            raise DocumentError(f"The table has more than {_MAX_CELLS:,} filled cells.", remedy="Split it.")
        if number % 5000 == 4999:
            job.alive()
        yield row, spanned


def _line(row: Sequence[str], spanned: frozenset[int], names: Sequence[str]) -> str:
    own = [cell for column, cell in enumerate(row) if cell and column not in spanned]
    if not names or len(own) < sum(map(bool, row)) == len(spanned) + 1:  # one cell over the whole row
        return " | ".join(own)
    named = [(names[column] if column < len(names) else "", value) for column, value in enumerate(row) if value]
    return "; ".join(f"{name}: {value}" if name else value for name, value in named)


def _shown(cell: object) -> str:
    """A cell on one line: 3.0 as 3, dates as ISO text."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, float):
        return f"{cell:.10g}"
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(sep=" ").removesuffix(" 00:00:00")
    return " ".join(str(cell).split())
