"""Words with what they mean below them, as HTML's definition lists become, and as Pandoc writes them:

-s <strategy>

--strategy=<strategy>
:   Use the given merge strategy.
    Several are tried in their order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from instill.answer.found.fences import Line

_MEANING = re.compile(r"\s{0,3}:\s+(?=\S)")
_OPTION = re.compile(r"\s{0,3}[-+/][^\s-]|\s{0,3}--\w")
_LONGEST_TERM = 200
_MOST_TERMS = 6
"""Names of one thing, one below the other."""

_DEFINED = re.compile(r"(?P<terms>(?:(?!\s{0,3}:\s)[^\n]+\n\s*?){1,6})[^\S\n]{0,3}:\s+(?P<meaning>\S.*)", re.DOTALL)


def meaning_line(lines: Sequence[Line], number: int) -> int:
    """The line at which the meaning of the word at line `number` begins; 0 where that is no such word.

    Only options have several names, each above an empty line.
    """
    for at in range(number, min(number + 2 * _MOST_TERMS, len(lines))):
        text = lines[at].text
        if not text.strip():
            continue
        if _MEANING.match(text) or len(text) > _LONGEST_TERM or (at > number and not _OPTION.match(text)):
            return 0
        if at + 1 < len(lines) and _MEANING.match(lines[at + 1].text):
            return at + 1
        if not _OPTION.match(text):
            return 0
    return 0


def defined(item: str) -> tuple[str, str] | None:
    """What an item defines, its names on one line, and the meaning; None for another item.

    Example:
        >>> defined("ort\\n:   This is the default."), defined("- ort: the default")
        (('ort', 'This is the default.'), None)
    """
    match = _DEFINED.fullmatch(item)
    if match is None:
        return None
    return ", ".join(line.strip() for line in match["terms"].splitlines() if line.strip()), match["meaning"]
