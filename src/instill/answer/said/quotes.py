"""Find a quote in a passage although its spaces, quotation marks, dashes or decoration were changed on the way.

Matching is done on a reduced form of both texts and mapped back, so that what is cited is the passage's own
characters.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_QUOTE = 600
"""A quote with an ellipsis may span at most this many characters of the passage."""

_ALIKE = str.maketrans(
    {
        **dict.fromkeys("“”„‟«»″〝〞＂", '"'),
        **dict.fromkeys("‘’‚‛′`´ʼ＇", "'"),
        **dict.fromkeys("‐‑‒–—―−﹣－", "-"),
        "…": "...",
    }
)
_IGNORED = frozenset("*_#`'\"|")
_LINK = re.compile(r"(?<!!)(\[)[^\[\]\n]+(\]\([^()\s]*\))")
"""Of a link, what is not read: its brackets and its address."""

_ELLIPSIS = re.compile(r"\s*(?:\[\s*(?:…|\.\.\.)\s*\]|…|\.{3,})\s*")


def find_quote(quote: str, text: str) -> tuple[int, int] | None:
    """The span of `text` that `quote` quotes, or None.

    White space, case, Markdown decoration, the addresses of links, and the form of quotation marks and dashes are
    ignored; words are not. An ellipsis stands for left-out text.

    Example:
        >>> text = "The **river’s** length\\nis 72 km – no more."
        >>> start, end = find_quote("the river's length is 72 km - no", text)
        >>> text[start:end]
        'The **river’s** length\\nis 72 km – no'
    """
    parts = [part for part in _ELLIPSIS.split(quote) if part.strip()]
    reduced, places = _reduced(text)
    first: int | None = None
    last = begin = 0
    for part in parts:
        wanted, _ = _reduced(part.strip().strip(".,;:"))
        found = _whole_words(wanted, reduced, text, places, begin) if len(wanted) >= 2 else None
        if found is None:
            return None
        first = places[found] if first is None else first
        begin = found + len(wanted)
        last = places[begin - 1] + 1
    if first is None or (len(parts) > 1 and last - first > LONGEST_QUOTE):
        return None
    return _with_marks(text, *_with_links(text, first, last))


def _with_links(text: str, start: int, end: int) -> tuple[int, int]:
    """The span with all of a link in which it begins or ends."""
    for link in _LINK.finditer(text):
        if link.start() < start < link.end() or link.start() < end < link.end():
            start, end = min(start, link.start()), max(end, link.end())
    return start, end


def _reduced(text: str) -> tuple[str, list[int]]:
    """The letters, digits and marks that count, and the place of each in `text`."""
    characters: list[str] = []
    places: list[int] = []
    unread = {at for link in _LINK.finditer(text) for part in (1, 2) for at in range(*link.span(part))}
    for place, original in enumerate(text):
        if place in unread:
            continue
        for character in unicodedata.normalize("NFKC", original.translate(_ALIKE)).casefold():
            if character.isprintable() and not character.isspace() and character not in _IGNORED:
                characters.append(character)
                places.append(place)
    return "".join(characters), places


def _whole_words(wanted: str, reduced: str, text: str, places: list[int], begin: int) -> int | None:
    """First place from `begin` on where `wanted` stands and does not begin or end inside a word of `text`."""
    position = reduced.find(wanted, begin)
    while position >= 0:
        start, end = places[position], places[position + len(wanted) - 1] + 1
        cuts_start = start > 0 and text[start - 1].isalnum() and text[start].isalnum() and text[start].isascii()
        cuts_end = end < len(text) and text[end - 1].isalnum() and text[end].isalnum() and text[end].isascii()
        if not cuts_start and not cuts_end:
            return position
        position = reduced.find(wanted, position + 1)
    return None


def _with_marks(text: str, start: int, end: int) -> tuple[int, int]:
    """The span with the full stop or closing mark that directly follows."""
    while end < len(text) and text[end] in '.!?…。！？)”"’*_`':
        end += 1
    return start, end
