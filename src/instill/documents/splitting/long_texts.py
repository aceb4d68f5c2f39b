"""A long text in parts that are cut into passages one after the other: time and memory then grow with the part."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import replace

from instill.documents.document import Block, Parsed

SEGMENT = 200_000
"""Most characters of a part."""


def segments(parsed: Parsed, *, size: int = SEGMENT) -> Iterator[tuple[int, Parsed]]:
    """Parts of at most `size` characters with their structure, each with the offset at which it starts.

    A part ends before a heading, at a blank line, a line end or a space: whichever of these, in this order, stands in
    its second half; a line of a million letters is cut at `size`.

    Example:
        >>> [part.text for _, part in segments(Parsed("one two\\n\\nthree four"), size=12)]
        ['one two\\n\\n', 'three four']
    """
    text = parsed.text
    heads = sorted(heading.start for heading in parsed.headings)
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= size else _end(text, heads, start, size)
        yield start, _part(parsed, start, end)
        start = end


def _end(text: str, heads: list[int], start: int, size: int) -> int:
    half, last = start + max(1, size // 2), start + size
    before = bisect_right(heads, last) - 1
    if before >= 0 and heads[before] >= half:
        return heads[before]
    for mark in ("\n\n", "\n", " "):
        found = text.rfind(mark, half, last)
        if found >= 0:
            return found + len(mark)
    return last


def _shifted(block: Block, start: int, end: int) -> Block:
    """The block's share of a part, with its head where that stands in the same part."""
    whole = start <= block.head_start < block.head_end <= end
    return replace(
        block,
        start=max(block.start, start) - start,
        end=min(block.end, end) - start,
        head_start=block.head_start - start if whole else 0,
        head_end=block.head_end - start if whole else 0,
    )


def _part(parsed: Parsed, start: int, end: int) -> Parsed:
    first = bisect_left(parsed.headings, start, key=lambda heading: heading.start)
    last = bisect_left(parsed.headings, end, key=lambda heading: heading.start)
    return Parsed(
        text=parsed.text[start:end],
        headings=tuple(replace(entry, start=entry.start - start) for entry in parsed.headings[first:last]),
        pages=tuple(
            replace(page, start=max(page.start, start) - start, end=min(page.end, end) - start)
            for page in parsed.pages
            if page.start < end and page.end > start
        ),
        blocks=tuple(_shifted(block, start, end) for block in parsed.blocks if block.start < end and block.end > start),
    )
