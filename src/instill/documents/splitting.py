"""Text -> passages: contiguous spans that follow the document's structure and fit the encoder.

The text is first taken apart into pieces (headings, paragraphs, tables, code blocks; where one is too long its lines
and sentences, then words), and then the cheapest way to put neighbouring pieces together is found by dynamic
programming. What is cheap is written down in `_Costs`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tokenizers import Tokenizer

from instill.documents.document import Block, Heading, Page, Parsed, Passage
from instill.documents.pieces import Counter, Piece, heading_end, take_apart
from instill.documents.segments import segments
from instill.documents.time_limit import TimeLimit

SPLITTER_VERSION = "2"
"""Part of the passage identity: it changes whenever the same text would be split in another way."""

_WINDOW = 64  # A passage is made of at most so many pieces, which keeps the search linear.


@dataclass(frozen=True, slots=True)
class _Costs:
    """What a passage costs besides the cuts around it. Cuts have their costs in `pieces.py` (0 to 6)."""

    passage: float = 0.5  # few passages rather than many
    uneven: float = 0.5  # times (1 - fill)^2: two halves rather than a full one and a remainder
    tiny: float = 3.0  # times how far it is below `tiny_share` of the limit
    tiny_share: float = 0.2


def split(
    parsed: Parsed, *, kind: str, tokenizer: Tokenizer, passage_tokens: int, time_limit: TimeLimit | None = None
) -> list[Passage]:
    """Cut a document's canonical text into passages.

    Every character that is not white space is in exactly one passage; passages are in order, do not overlap, and
    carry no white space at their ends. Headings stay with what follows them, sections are kept apart unless they are
    tiny, tables and code blocks stay whole where they fit, and a word is cut only if it exceeds the limit alone. Of a
    table that is cut, every passage but the first has the head in `Passage.table_head`.

    Args:
        parsed: the text with its structure.
        kind: the format family; "code" prefers line ends to sentence ends.
        tokenizer: counts the tokens, special tokens not included. It is not changed; where it truncates or pads, a
            copy that does neither is used.
        passage_tokens: most tokens of a passage, 16 or more. 16 characters count at least one token, because many
            tokenizers make a single unknown token of a very long word.
        time_limit: looked at after every 200,000 characters, which are cut on their own (`segments.py`).

    Returns:
        Passages with `parsed.text[start:end] == text`; empty only for a text of white space.

    Raises:
        ValueError: `passage_tokens` is under 16.
        DocumentError: the time is over.
    """
    if passage_tokens < 16:
        raise ValueError("passage_tokens must be 16 or more")
    counter = Counter(_counting_copy(tokenizer))
    limit = time_limit or TimeLimit.none()
    spans: list[tuple[int, int]] = []
    for offset, part in segments(parsed):
        limit.check("Cutting it into passages")
        found = _fitting_spans(part, kind, counter, passage_tokens)
        spans += [(offset + start, offset + end) for start, end in found]
    return _passages(parsed, spans)


@lru_cache(maxsize=4)
def _counting_copy(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer without truncation and padding; itself where it has neither."""
    if tokenizer.truncation is None and tokenizer.padding is None:
        return tokenizer
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def _fitting_spans(parsed: Parsed, kind: str, counter: Counter, limit: int) -> list[tuple[int, int]]:
    """Spans within the limit by the counter's exact count.

    Tokens of pieces are added up, which is exact for tokenizers that never join across white space. For others, and
    where a word had to be cut, the spans are counted again and the budget is lowered until all of them fit.
    """
    budget = limit
    while True:
        pieces = take_apart(parsed, kind=kind, counter=counter, limit=budget)
        spans = [(pieces[first].start, pieces[last - 1].end) for first, last in _group(pieces, budget)]
        if counter.additive and not any(piece.cuts_word for piece in pieces):
            return spans
        worst = max(counter.count([parsed.text[start:end] for start, end in spans]), default=0)
        if worst <= limit or budget <= 8:
            return spans
        budget = max(8, min(budget - 1, budget * limit // worst))


def _group(pieces: Sequence[Piece], limit: int) -> list[tuple[int, int]]:
    """The cheapest grouping of neighbours within the limit, as `(first, last + 1)` piece numbers."""
    costs = _Costs()
    tiny = limit * costs.tiny_share
    tokens, crossed = [0], [0.0]  # prefix sums
    for piece in pieces:
        tokens.append(tokens[-1] + piece.tokens)
        crossed.append(crossed[-1] + piece.crossing)
    cuts = [0.0, *(piece.cut for piece in pieces[1:])]
    best = [0.0] + [float("inf")] * len(pieces)
    came_from = [0] * (len(pieces) + 1)
    for end in range(1, len(pieces) + 1):
        cheapest, chosen = float("inf"), end - 1
        all_tokens, all_crossed = tokens[end], crossed[end]
        for first in range(end - 1, max(-1, end - 1 - _WINDOW), -1):
            size = all_tokens - tokens[first]
            if size > limit and first < end - 1:
                break
            cost = best[first] + cuts[first] + costs.passage + all_crossed - crossed[first + 1]
            if cost >= cheapest:
                continue
            cost += costs.uneven * (1 - size / limit) ** 2
            if size < tiny:
                cost += costs.tiny * (1 - size / tiny)
            if cost < cheapest:
                cheapest, chosen = cost, first
        best[end], came_from[end] = cheapest, chosen
    groups: list[tuple[int, int]] = []
    end = len(pieces)
    while end > 0:
        groups.append((came_from[end], end))
        end = came_from[end]
    return groups[::-1]


def _passages(parsed: Parsed, spans: Sequence[tuple[int, int]]) -> list[Passage]:
    paths = _HeadingPaths(parsed.text, parsed.headings)
    page_starts = [page.start for page in parsed.pages]
    tables = [block for block in parsed.blocks if block.head_end > block.head_start]
    table_ends = [block.end for block in tables]
    passages: list[Passage] = []
    for start, end in spans:
        text = parsed.text[start:end]
        stripped = text.strip()
        if not stripped:
            continue
        start += len(text) - len(text.lstrip())
        end = start + len(stripped)
        head_start, head_end = _head_before(tables, table_ends, start, end)
        passages.append(
            Passage(
                ordinal=len(passages),
                start=start,
                end=end,
                text=stripped,
                headings=paths.at(start),
                page=_page_of(parsed.pages, page_starts, start),
                last_page=_page_of(parsed.pages, page_starts, end - 1),
                table_head=parsed.text[head_start:head_end],
                table_head_start=head_start,
            )
        )
    return passages


def _head_before(tables: Sequence[Block], ends: Sequence[int], start: int, end: int) -> tuple[int, int]:
    """The head of the first table in `[start, end)` if it begins before `start` and rows follow it before `end`.

    `(0, 0)` without one. A head that fills a passage of its own is cut from the rule below it and from the first
    row.
    """
    number = bisect_right(ends, start)
    if number < len(tables) and tables[number].head_start < start and tables[number].head_end < end:
        return tables[number].head_start, tables[number].head_end
    return 0, 0


def _page_of(pages: Sequence[Page], starts: Sequence[int], position: int) -> int | None:
    if not pages:
        return None
    return pages[max(0, bisect_right(starts, position) - 1)].number


class _HeadingPaths:
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
