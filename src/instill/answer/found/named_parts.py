"""What a long list or section is made of, by name: shown where the things are asked for and all of it is too much.

"Which merge strategies are there?" is answered by the words that a list of definitions defines, or by the headings
below one heading, with the line that introduces them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from instill.answer.found.definitions import defined
from instill.answer.found.fences import block_around
from instill.answer.found.headings import HASHES
from instill.answer.found.introductions import LONGEST_INTRODUCTION
from instill.answer.found.sentences import Sentence
from instill.answer.found.titled_items import name_of, title_of
from instill.index.types import Hit

FEWEST, MOST = 3, 40
"""Names."""

_LONGEST_NAME = 120
_LONGEST_PART = 20_000
"""Characters that are looked at on each side of a place."""

_HEADING_LINE = re.compile(r"^ {0,3}#{1,6} .*", re.MULTILINE)

Span = tuple[int, int]


def names_of_items(text: str, units: Sequence[Sentence]) -> list[Span]:
    """Where the names of a list's items stand, in the list's text; empty unless each of them has one.

    Args:
        units: of the list, with what stands inside its items.
    """
    items = [unit for unit in units if unit.kind == "item"]
    own = [unit for unit in items if _indent(text, unit) <= _indent(text, items[0])]
    found = [_name(text, unit) for unit in own]
    names = [span for span in found if span is not None]
    return names if len(names) == len(own) and FEWEST <= len(names) <= MOST else []


def _indent(text: str, unit: Sentence) -> int:
    return unit.start - (text.rfind("\n", 0, unit.start) + 1)


def _name(text: str, unit: Sentence) -> Span | None:
    item = text[unit.start : unit.end]
    definition = defined(item)
    if definition is not None:
        end = item.rindex(definition[1])
        return unit.start, unit.start + len(item[:end].rstrip(": \n\t"))
    name = title_of(item) or name_of(item)
    if not name:
        return None
    at = item.index(name)
    return unit.start + at, unit.start + at + len(name)


def names_below(document: str, heading: Span) -> tuple[Span, list[Span]] | None:
    """What introduces the headings one level below a heading, and where these stand; None where there are few.

    Args:
        heading: a heading of Markdown.
    """
    above = HASHES.match(document, *heading)
    if above is None:
        return None
    level, place = len(above[1]), heading[1]
    below: list[tuple[int, Span]] = []
    first = -1
    while 0 <= (start := document.find("\n", place)) < len(document) - 1:
        place = document.find("\n", start + 1)
        place = len(document) if place < 0 else place
        match = HASHES.match(document, start + 1, place)
        if match is None or block_around(document, start + 1):
            continue
        if len(match[1]) <= level:
            break
        first = start if first < 0 else first
        below.append((len(match[1]), (start + 1, place)))
    nearest = min((depth for depth, _ in below), default=0)
    names = [span for depth, span in below if depth == nearest and span[1] - span[0] <= _LONGEST_NAME]
    if not FEWEST <= len(names) <= MOST:
        return None
    return _introduction(document, heading, first), names


def section_around(document: str, place: int) -> Span:
    """From the heading of Markdown above `place` to the next one."""
    start, end = 0, len(document)
    for match in _HEADING_LINE.finditer(document):
        if block_around(document, match.start()):
            continue
        if match.start() > place:
            end = match.start()
            break
        start = match.start()
    return max(start, place - _LONGEST_PART), min(end, place + _LONGEST_PART)


def _introduction(document: str, heading: Span, end: int) -> Span:
    """The last paragraph above the first name, where it is short; else the heading."""
    above = document[heading[1] : end].rstrip()
    start = above.rfind("\n\n") + 2 if "\n\n" in above else 0
    paragraph = above[start:].strip()
    if not paragraph or len(paragraph) > LONGEST_INTRODUCTION or paragraph[-1] not in ":.":
        return heading
    begin = heading[1] + start + above[start:].index(paragraph)
    return begin, begin + len(paragraph)


def widened(hit: Hit, document: str, spans: Sequence[Span]) -> Hit:
    """The hit, so that it holds all spans of its document."""
    start, end = min(hit.start, *(low for low, _ in spans)), max(hit.end, *(high for _, high in spans))
    return replace(hit, start=start, end=end, text=document[start:end], last_page=None)
