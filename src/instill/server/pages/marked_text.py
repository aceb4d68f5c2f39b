"""A document's text as parts to show: headings, ends of passages, and the words that are cited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from instill.documents.document import Passage
from instill.index.lookup import StoredDocument


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
class Window:
    """A stretch `[start, end)` of a document's text in its parts; `size` is the length of the whole text."""

    start: int
    end: int
    size: int
    parts: Sequence[Part]


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
    points = sorted(edges)
    parts = [Part(text[a:b], _within(a, b, headings), _within(a, b, marks), cuts.get(a)) for a, b in pairwise(points)]
    return Window(first, last, len(text), parts)


def around(size: int, start: int, most: int = 60_000) -> int:
    """Where a window begins that shows `start` with about a third of it before."""
    return 0 if size <= most else max(0, start - most // 3)


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _within(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(a <= start and end <= b for a, b in spans)
