"""Where a text may be cut: it is taken apart into fragments: headings, paragraphs, blocks, lines, sentences, words.

Each fragment carries its size in tokens, what it costs to cut the text before it, and what it costs to keep it in one
passage with what comes before (a heading: a passage should not straddle sections).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from semantic_text_splitter import TextSplitter
from tokenizers import Tokenizer

from instill.common.word_pieces import word_pieces
from instill.documents.document import Parsed

# What a cut before a fragment costs, from "made for it" to "only when nothing else fits".
CUT_HEADING = 0.0
CUT_PAGE = 0.5
CUT_PARAGRAPH = 1.0
CUT_BLOCK = 1.3  # before a table or a code block: the paragraph above usually introduces it
CUT_ROW = 1.5
CUT_SENTENCE = 2.0
CUT_AFTER_COLON = 2.0
CUT_LINE = 3.0  # a line end inside a sentence
CUT_ABBREVIATION = 4.0
CUT_WORDS = 5.0
CUT_INSIDE_WORD = 8.0
CUT_AFTER_HEADING = 50.0  # a heading is never alone
CUT_INSIDE_HEAD = 60.0  # a table's head is one
CROSS_PAGE = 1.0

CHARACTERS_PER_TOKEN = 16
_RUNNING_HEAD = 80  # so short a line at the top of a page belongs to the heading after it
_LONG_PROSE = 6  # characters a token that prose does not reach: such a paragraph is taken apart without counting it
_LEAST_FRAGMENT = 12  # shorter lines are not worth a place of their own in the search
_RUN, _LONG_RUN = 8, 32  # characters in a part of a word, and of one that is longer than any word
_VERY_LONG_WORD = 2000
_SLICE = 4000  # the sentence finder takes more than linear time, so it sees no more at a time

_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_WORDS = re.compile(r"\S+(?:\s+\S+){0,7}\s*")
_SPACES = (
    "[ \t\n\r\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"  # what every tokenizer takes as white space
)
_SPACE = re.compile(_SPACES)
_WORD = re.compile(rf"(?:(?!{_SPACES}).)+{_SPACES}*|{_SPACES}+", re.DOTALL)
_ADORNMENT = re.compile(r"[ \t]*([=\-~^\"'`#*+.:_<>])\1*[ \t]*")
_ROW_START = re.compile(r"[ \t]*(?:[-*+•·▪◦‣|☐☒]|\(?[0-9a-zA-Z]{1,3}[.)])[ \t]")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|No|Fig|Eq|Sec|Inc|Co|Corp|Ltd|al|approx|e\.g|i\.e|[A-Z])\.)\s*\Z"
)
_CLOSING = "。．！？；」』）】”"  # ends a sentence without a space after it


@dataclass(frozen=True, slots=True)
class Fragment:
    start: int
    end: int
    cut: float
    crossing: float = 0.0
    tokens: int = 0
    lines: bool = False  # rows of a table or lines of code: line ends are better cuts than sentence ends
    cuts_word: bool = False
    heading: bool = False


class Counter:
    """Counts tokens; `additive` says whether counts of text cut at white space add up exactly."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._pieces = word_pieces(tokenizer)
        self.additive = self._pieces.by_words

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, but at least one for every 16 characters.

        The floor bounds a passage's length where tokens do not: a tokenizer makes one unknown token of a word of a
        thousand letters. The sum over parts is never below the count of the whole, so sums are safe.
        """
        return [
            max(count, -(-len(text) // CHARACTERS_PER_TOKEN))
            for text, count in zip(texts, self._pieces.counts(texts), strict=True)
        ]


def heading_end(text: str, start: int) -> int:
    """Where the heading that starts at `start` ends: its line, with the lines of adornment over or under it."""
    end = _line_end(text, start)
    if _ADORNMENT.fullmatch(text, start, end):
        end = _line_end(text, end + 1)
    following = _line_end(text, end + 1)
    if end + 3 < following and _ADORNMENT.fullmatch(text, end + 1, following):
        end = following
    return end


def take_apart(parsed: Parsed, *, kind: str, counter: Counter, limit: int) -> list[Fragment]:
    """The text as fragments in order, each with its tokens; none is above the limit unless a single character is."""
    text = parsed.text
    heads = _head_lines(parsed)
    fragments = _counted(_coarse(parsed, kind), text, counter, limit, prose=_LONG_PROSE)
    for refine in (_sentences, _words, _single_words, _characters, _code_points):
        rooms = _rooms(fragments, limit)
        if all(fragment.tokens <= room for fragment, room in zip(fragments, rooms, strict=True)):
            break
        refined: list[Fragment] = []
        for fragment, room in zip(fragments, rooms, strict=True):
            if fragment.tokens <= room:
                refined.append(fragment)
                continue
            parts = [_kept_with_head(part, heads) for part in refine(text, fragment)]
            parts[0] = replace(parts[0], cut=fragment.cut, crossing=fragment.crossing)
            refined += parts
        fragments = _counted(refined, text, counter, limit)
    return fragments


def _head_lines(parsed: Parsed) -> dict[int, float]:
    """What a cut costs where it would take a table's head apart, or its first row from it."""
    costs: dict[int, float] = {}
    for block in parsed.blocks:
        if block.start <= block.head_start < block.head_end:
            place = parsed.text.find("\n", block.head_start, block.head_end + 1)
            while place >= 0:
                costs[place + 1] = CUT_AFTER_HEADING if place == block.head_end else CUT_INSIDE_HEAD
                place = parsed.text.find("\n", place + 1, block.head_end + 1)
    return costs


def _kept_with_head(fragment: Fragment, costs: dict[int, float]) -> Fragment:
    return replace(fragment, cut=costs[fragment.start]) if fragment.start in costs else fragment


def _rooms(fragments: Sequence[Fragment], limit: int) -> list[int]:
    """The limit for each fragment: one after headings leaves room for them, so that they need not stand alone."""
    rooms: list[int] = []
    taken = 0
    for fragment in fragments:
        if fragment.heading:
            taken += fragment.tokens
            rooms.append(limit)
        else:
            rooms.append(limit - taken if taken <= limit // 2 else limit)
            taken = 0
    return rooms


def _counted(
    fragments: Sequence[Fragment], text: str, counter: Counter, limit: int, *, prose: int = CHARACTERS_PER_TOKEN
) -> list[Fragment]:
    """Counts what is not counted yet; what is too long by its characters alone needs no counting.

    Prose is, above `prose` characters a token.
    """
    counted = list(fragments)
    open_ones = []
    for number, fragment in enumerate(fragments):
        per_token = CHARACTERS_PER_TOKEN if fragment.lines else prose
        if fragment.tokens == 0 and fragment.end - fragment.start > limit * per_token:
            counted[number] = replace(fragment, tokens=limit + 1)
        elif fragment.tokens == 0:
            open_ones.append(number)
    counts = counter.count([text[fragments[number].start : fragments[number].end] for number in open_ones])
    for number, tokens in zip(open_ones, counts, strict=True):
        counted[number] = replace(counted[number], tokens=max(1, tokens))
    return counted


def _coarse(parsed: Parsed, kind: str) -> list[Fragment]:
    """Headings, paragraphs, and whole blocks; pages open new fragments."""
    text, size = parsed.text, len(parsed.text)
    headings = {heading.start: heading.level for heading in parsed.headings if 0 <= heading.start < size}
    pages = {page.start for page in parsed.pages}
    blocks = _disjoint_blocks(parsed)
    marks = {0, size} | set(headings) | {heading_end(text, start) for start in headings}
    marks |= {start for start in pages if start < size} | set(blocks) | set(blocks.values())
    inside = sorted(blocks.items())
    marks = {mark for mark in marks if not _within(inside, mark)}
    fragments: list[Fragment] = []
    after_heading = False
    edges = sorted(marks)
    for start, end in pairwise(edges):
        for first, last in _trimmed_paragraphs(text, start, end, whole=start in blocks):
            cut, crossing = _cut_before(text, fragments, block=start in blocks)
            if first == _skip_space(text, start):
                if start in pages and fragments:
                    cut, crossing = min(cut, CUT_PAGE), CROSS_PAGE
                if start in headings:
                    cut, crossing = CUT_HEADING, max(1.0, 2.2 - 0.3 * headings[start])
                    if fragments and fragments[-1].start in pages and first - fragments[-1].start < _RUNNING_HEAD:
                        cut, crossing = CUT_AFTER_COLON, 0.2
            if after_heading:
                cut = CUT_AFTER_HEADING if start not in headings else max(cut, CUT_AFTER_HEADING)
                crossing = min(crossing, 0.2)
            after_heading = start in headings
            lines = start in blocks or kind == "code"
            inside_word = first > 0 and _SPACE.match(text[first - 1]) is None
            fragment = Fragment(
                first, last, cut, crossing, lines=lines, cuts_word=inside_word, heading=start in headings
            )
            fragments.append(fragment)
    return fragments


def _cut_before(text: str, fragments: Sequence[Fragment], *, block: bool) -> tuple[float, float]:
    if not fragments:
        return 0.0, 0.0
    if text.startswith(":", fragments[-1].end - 1):
        return CUT_AFTER_COLON, 0.0
    return (CUT_BLOCK if block else CUT_PARAGRAPH), 0.0


def _disjoint_blocks(parsed: Parsed) -> dict[int, int]:
    blocks: dict[int, int] = {}
    covered = 0
    for block in sorted(parsed.blocks, key=lambda block: block.start):
        start, end = max(block.start, 0), min(block.end, len(parsed.text))
        if start >= covered and end > start:
            blocks[start] = covered = end
    return blocks


def _within(blocks: Sequence[tuple[int, int]], mark: int) -> bool:
    number = bisect_left(blocks, (mark, -1)) - 1
    return number >= 0 and blocks[number][0] < mark < blocks[number][1]


def _trimmed_paragraphs(text: str, start: int, end: int, *, whole: bool) -> Iterator[tuple[int, int]]:
    """Spans between blank lines, without white space around them; one span for a block."""
    edges = [start]
    if not whole:
        for match in _BLANK_LINES.finditer(text, start, end):
            edges.append(match.end())
    edges.append(end)
    for first, last in pairwise(edges):
        first = _skip_space(text, first)
        while last > first and text[last - 1].isspace():
            last -= 1
        if first < last:
            yield first, last


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _line_end(text: str, position: int) -> int:
    found = text.find("\n", position)
    return len(text) if found < 0 else found


def _sentences(text: str, fragment: Fragment) -> Iterator[Fragment]:
    """Lines, and the sentences in them (Unicode's rules); only line ends for tables and code."""
    part = text[fragment.start : fragment.end]
    if fragment.lines:
        starts = [match.end() for match in re.finditer(r"\n(?=[ \t]*\S)", part)]
    else:
        starts = list(_sentence_starts(part))
    cuts: dict[int, float] = {}
    last = 0
    for offset in starts:
        cut = _cut_at(part, offset, lines=fragment.lines) if offset - last >= _LEAST_FRAGMENT else None
        if cut is not None:
            cuts[offset] = cut
            last = offset
    yield from _parts(fragment, cuts)


def _sentence_starts(part: str) -> Iterator[int]:
    for first, last in _slices(part):
        if first > 0:
            yield first
        for offset, _ in TextSplitter((1, _SLICE + 1)).chunk_indices(part[first:last]):
            if offset > 0:
                yield first + offset


def _slices(part: str) -> Iterator[tuple[int, int]]:
    """Lines put together to at most `_SLICE` characters; longer lines are cut at white space."""
    first = 0
    while len(part) - first > _SLICE:
        last = part.rfind("\n", first + 1, first + _SLICE) + 1
        if last <= first:
            last = part.rfind(" ", first + 1, first + _SLICE) + 1
        if last <= first:
            last = first + _SLICE
        yield first, last
        first = last
    yield first, len(part)


def _cut_at(part: str, offset: int, *, lines: bool) -> float | None:
    before = part[max(0, offset - 40) : offset]
    if not _SPACE.match(before[-1]):
        return CUT_SENTENCE if before[-1] in _CLOSING else None
    if lines:
        return CUT_ROW if before.endswith("\n\n") else CUT_ROW if part[offset : offset + 1].strip() else CUT_SENTENCE
    ended = before.rstrip()[-1:] in ".!?…:;" + _CLOSING or before.rstrip()[-2:-1] in ".!?"
    if "\n" in before[len(before.rstrip()) :]:
        if _ROW_START.match(part, offset):
            return CUT_ROW
        return CUT_ROW - 0.2 if ended else CUT_LINE
    return CUT_ABBREVIATION if _ABBREVIATION.search(before) else CUT_SENTENCE


def _words(text: str, fragment: Fragment) -> Iterator[Fragment]:
    """Runs of eight words: single words would make the search slow for nothing."""
    part = text[fragment.start : fragment.end]
    starts = [match.start() for match in _WORDS.finditer(part)]
    yield from _parts(fragment, {start: CUT_WORDS for start in starts if start > 0 and _SPACE.match(part[start - 1])})


def _single_words(text: str, fragment: Fragment) -> Iterator[Fragment]:
    starts = [match.start() for match in _WORD.finditer(text[fragment.start : fragment.end])]
    yield from _parts(fragment, {start: CUT_WORDS for start in starts if start > 0})


def _characters(text: str, fragment: Fragment) -> Iterator[Fragment]:
    """A word above the limit, or a run of a script without spaces: Unicode's word boundaries, else characters."""
    part = text[fragment.start : fragment.end]
    splitter = TextSplitter(_RUN if len(part) <= _VERY_LONG_WORD else _LONG_RUN, trim=False)
    starts = {
        first + offset: CUT_INSIDE_WORD
        for first, last in _slices(part)
        for offset, _ in splitter.chunk_indices(part[first:last])
        if first + offset > 0
    }
    for cut in _parts(fragment, starts):
        yield replace(cut, cuts_word=True)


def _code_points(text: str, fragment: Fragment) -> Iterator[Fragment]:
    starts = dict.fromkeys(range(1, len(text[fragment.start : fragment.end])), CUT_INSIDE_WORD)
    for cut in _parts(fragment, starts):
        yield replace(cut, cuts_word=True)


def _parts(fragment: Fragment, cuts: dict[int, float]) -> Iterator[Fragment]:
    edges = [0, *sorted(cuts), fragment.end - fragment.start]
    for first, last in pairwise(edges):
        yield Fragment(
            fragment.start + first,
            fragment.start + last,
            cuts.get(first, fragment.cut),
            lines=fragment.lines,
            cuts_word=fragment.cuts_word,
        )
