"""Tables of a document's text, as rows of cells whose places in the text stay known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TABLE = re.compile(
    r"^[ \t]*\|.*\n[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*(?:\n[ \t]*\|.*)*\n?", re.MULTILINE
)
_FENCE = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"(?:[^|\\]|\\.?)*")


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row's place `[start, end)` in the text, and that of what each of its cells holds."""

    start: int
    end: int
    cells: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table `[start, end)` of a text, with the end of its last line. Its first row is its head; the row of dashes is
    left out.

    Args:
        numbers: of each column, whether it is aligned at the right.
    """

    start: int
    end: int
    rows: tuple[TableRow, ...]
    numbers: tuple[bool, ...]


def tables_of(text: str) -> list[TextTable]:
    """The Markdown tables of a text, but those in blocks of code.

    Example:
        >>> text = "Tea:\\n| Kind | Degrees |\\n|---|---:|\\n| Green | 70 |\\n"
        >>> [table] = tables_of(text)
        >>> [[text[start:end] for start, end in row.cells] for row in table.rows], table.numbers
        ([['Kind', 'Degrees'], ['Green', '70']], (False, True))
    """
    if "|" not in text:
        return []
    fences = [match.span() for match in _FENCE.finditer(text)]
    found = []
    for match in _TABLE.finditer(text):
        if not any(start <= match.start() < end for start, end in fences):
            head, dashes, *body = _rows(text, *match.span())
            numbers = tuple(text[start:end].endswith(":") and text[start] != ":" for start, end in dashes.cells)
            found.append(TextTable(*match.span(), (head, *body), numbers))
    return found


def _rows(text: str, start: int, end: int) -> Iterator[TableRow]:
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        yield TableRow(start, stop, tuple(_cells(text, start, stop)))
        start = stop + 1


def _cells(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Between the bars that no backslash is before; without the spaces around."""
    while start < end and text[start] in " \t":
        start += 1
    start += text[start:end].startswith("|")
    while start < end:
        match = _CELL.match(text, start, end)
        stop = match.end() if match else end
        held = text[start:stop]
        if stop < end or held.strip():
            left = start + len(held) - len(held.lstrip())
            yield left, max(left, start + len(held.rstrip()))
        start = stop + 1
