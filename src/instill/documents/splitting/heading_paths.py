"""The path of headings over a place in a text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from instill.documents.document import Heading
from instill.documents.splitting.cut_points import heading_end


class HeadingPaths:
    """The path of headings over a position, for instance "Guide > Install > Linux"."""

    def __init__(self, text: str, headings: Sequence[Heading]) -> None:
        self._text = text
        self._headings = headings
        self._starts = [heading.start for heading in headings]
        self._paths: list[str] = []
        stack: list[Heading] = []
        for heading in headings:
            while stack and stack[-1].level >= heading.level:
                stack.pop()
            stack.append(heading)
            self._paths.append(" > ".join(re.sub(r"\s+", " ", entry.title).strip() for entry in stack if entry.title))

    def at(self, start: int) -> str:
        """The path at `start`; headings that open the passage, one right after another, belong to it."""
        last = bisect_right(self._starts, start) - 1
        if last < 0:
            return ""
        while last + 1 < len(self._headings) and self._starts[last] >= start:
            between = self._text[heading_end(self._text, self._starts[last]) : self._starts[last + 1]]
            deeper = self._headings[last + 1].level > self._headings[last].level
            if between.strip() or not deeper:
                break
            last += 1
        return self._paths[last]
