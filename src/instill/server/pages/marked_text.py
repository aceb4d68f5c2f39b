"""A document's text as parts to show: headings, tables, ends of passages, and the words that are cited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from instill.documents.document import Passage
from instill.index.lookup import StoredDocument
from instill.server.pages.hidden_markup import hidden_marks, hidden_tags, without
from instill.server.pages.text_tables import TextTable, tables_of


@dataclass(frozen=True, slots=True)
class Part:
    """Some characters of a document that look alike.

    Args:
        cut: a passage begins here: its ordinal; None: none does.
    """

    text: str
    heading: bool = False
    marked: bool = False
    cut: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table, with the parts of each cell; `cut` as of a `Part`."""

    cells: Sequence[Sequence[Part]]
    cut: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table in the text.

    Args:
        headed: its first row is its head; False where the window begins below that.
        numbers: of each column, whether it is aligned at the right.
    """

    rows: Sequence[Row]
    headed: bool
    numbers: Sequence[bool]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch `[start, end)` of a document's text in its parts; `size` is the length of the whole text."""

    start: int
    end: int
    size: int
    parts: Sequence[Part | Table]


def window(
    stored: StoredDocument,
    marks: Sequence[tuple[int, int]] = (),
    passages: Sequence[Passage] = (),
    *,
    start: int = 0,
    most: int = 60_000,
) -> Window:
    """At most `most` characters from `start`, on ends of lines where there are some.

    Args:
        marks: `[start, end)` of what is marked.

    Example:
        >>> from types import SimpleNamespace as Any
        >>> stored = Any(text="# Tea\\nHot.", headings=[Any(start=0)])
        >>> [(part.text, part.heading, part.marked) for part in window(stored, [(6, 9)]).parts]
        [('# Tea', True, False), ('\\n', False, False), ('Hot', False, True), ('.', False, False)]
    """
    text = stored.text
    first = max(0, min(start, len(text)))
    first = text.rfind("\n", 0, first) + 1 if first else 0
    last = min(len(text), first + most)
    if last < len(text):
        last = text.rfind("\n", first, last) + 1 or last
    headings = [(each.start, _line_end(text, each.start)) for each in stored.headings]
    cuts = {each.start: each.ordinal for each in passages if first <= each.start < last}
    edges = {first, last, *cuts}
    for begin, end in (*headings, *marks):
        edges |= {min(max(begin, first), last), min(max(end, first), last)}
    tables = [each for each in tables_of(text) if each.start < last and first < each.end]
    for each in tables:
        edges |= {max(each.start, first), min(each.end, last)}
    hidden = [(first + a, first + b) for a, b in hidden_marks(text[first:last])]
    parts: list[Part | Table] = []
    within: TextTable | None = None
    for a, b in pairwise(sorted(edges)):
        table = next((each for each in tables if each.start <= a and b <= each.end), None)
        if table is None:
            parts.append(Part(without(text, a, b, hidden), _within(a, b, headings), _within(a, b, marks), cuts.get(a)))
        elif table is not within:
            parts.append(_table(text, table, (first, last), marks, cuts))
        within = table
    return Window(first, last, len(text), parts)


def _table(
    text: str, table: TextTable, window: tuple[int, int], marks: Sequence[tuple[int, int]], cuts: Mapping[int, int]
) -> Table:
    """What of a table stands in the window. A passage that begins in the midst of a row is shown to begin above it."""
    shown = [row for row in table.rows if window[0] <= row.start and row.end <= window[1]]
    ends = [*(row.start for row in shown[1:]), table.end]
    rows = [
        Row(
            [_cell(text, *place, marks) for place in row.cells],
            next((cut for at, cut in cuts.items() if row.start <= at < end), None),
        )
        for row, end in zip(shown, ends, strict=False)
    ]
    return Table(rows, bool(shown) and shown[0] is table.rows[0], table.numbers)


def _cell(text: str, start: int, end: int, marks: Sequence[tuple[int, int]]) -> list[Part]:
    edges = {start, end}
    for begin, stop in marks:
        edges |= {min(max(begin, start), end), min(max(stop, start), end)}
    cell = text[start:end]
    places = sorted((*hidden_tags(cell), *hidden_marks(cell)))
    hidden = [(start + a, start + b) for a, b in places]
    return [
        Part(without(text, a, b, hidden).replace("\\|", "|"), marked=_within(a, b, marks))
        for a, b in pairwise(sorted(edges))
        if a < b
    ]


def around(size: int, start: int, most: int = 60_000) -> int:
    """Where a window begins that shows `start` with about a third of it before."""
    return 0 if size <= most else max(0, start - most // 3)


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _within(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(a <= start and end <= b for a, b in spans)
