"""Parts of a list or paragraph that stand alone: points with titles, words with meanings, questions with answers."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ITEM_TITLE = re.compile(
    r"\s*(?:(?:[-*+•]|\d{1,3}[.)])\s+)?(?:(?:\*\*|__)(?P<bold>[^*_\n]{2,70})(?:\*\*|__)"
    r"|[A-Z][a-z]{2,11}:|(?P<term>[A-Z][\w'’ /-]{1,40}?)\s(?=[–—-]\s)"
    r"|(?<=\d[.)] )(?P<line>[A-Z][^.:;\n]{1,50})\n(?=\s*\S))[\s.:]*(?=\S)"
)
_SAYS = re.compile(r"\S+(?:[^\S\n]+\S+){2}")
"""Three words: more than a value."""
_MEANING = re.compile(r"\s*[^\W\d_][\w ()'’/-]{0,40}: \S+(?: \S+){3,}")
"""A word with what it means, in more than a value's words."""
_NAME = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+(?P<name>[^:\n–—]{1,60}?)\s*(?::|\s[–—-]\s)")
BOLD_QUESTION = re.compile(r"^\s*(?:[-*+]\s+|\d{1,3}[.)]\s+)?(?:\*\*|__)[^*_\n]{3,150}\?(?:\*\*|__)", re.MULTILINE)


def are_titled(items: Sequence[str]) -> bool:
    """Have most items a title of their own, as the points of an agenda and the lines of a log of changes have?

    Example:
        >>> are_titled(["- Fixed: the lamp went out.", "- New: a second lamp."])
        True
        >>> are_titled(["- Low: 3 days", "- High: 9 days"])
        False
    """
    found = [match for item in items if (match := _ITEM_TITLE.match(item))]
    said = [match for match in found if _title_in(match) or _SAYS.match(match.string, match.end())]
    # "Critical: 3 days" is a value; "1. Minutes of 10 February: accepted." is one of the points.
    return len(found) > 1 and 3 * len(found) >= 2 * len(items) and 2 * len(said) >= len(items)


def title_of(item: str) -> str:
    """The bold words, or the line of its own, with which an item begins; "" without them.

    Example:
        >>> title_of("2. **Release 3.5.** It is postponed."), title_of("- Fixed: the lamp.")
        ('Release 3.5', '')
    """
    match = _ITEM_TITLE.match(item)
    return _title_in(match) if match else ""


def name_of(item: str) -> str:
    """What stands in front of an item's first colon or dash; "" without one.

    Example:
        >>> name_of("- Mobile phone: $75"), name_of("- 🌐 Internet - once a month"), name_of("- None.")
        ('Mobile phone', '🌐 Internet', '')
    """
    match = _NAME.match(item)
    return match["name"] if match else ""


def _title_in(match: re.Match[str]) -> str:
    return (match["bold"] or match["line"] or "").strip(" .:*_")


def line_of_words(text: str, start: int, end: int, at: int) -> tuple[int, int] | None:
    """The line at a place of a paragraph `text[start:end]` that lists words with their meanings ("token: the
    staff that a driver carries"); None for another paragraph."""
    lines = text[start:end].splitlines()
    if len(lines) < 4 or sum(bool(_MEANING.match(line)) for line in lines) < 0.8 * len(lines):
        return None
    first = max(start, text.rfind("\n", 0, at) + 1)
    last = text.find("\n", at)
    line = (first, end if last < 0 else min(last, end))
    return line if _MEANING.match(text[slice(*line)]) else None


def is_title_line(text: str) -> bool:
    """Is it one short line that is no sentence, as a heading of plain text is?

    Example:
        >>> is_title_line("What you can claim"), is_title_line("We cannot pay you.")
        (True, False)
    """
    text = text.strip()
    return "\n" not in text and len(text) <= 60 and text[-1:].isalnum()
