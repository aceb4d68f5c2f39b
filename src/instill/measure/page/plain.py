"""Text from documents and models, made harmless for a page and for a terminal.

A reply can hold anything: codes that a terminal obeys, marks that turn the reading direction of all that follows
(Boucher and Anderson, "Trojan Source: Invisible Vulnerabilities", 2021), towers of accents that cover the next lines.
What cannot be seen is shown as its number; nothing is left out silently.
"""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control codes, but for tab and line break
    "\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # directions, and what has no width
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"  # halves of characters, and what is none
    "\U000e0000-\U000e007f"  # tags: text that is not shown
    "]"
)
_ACCENTS = 3  # on one letter; more than any script needs above the two that some do


def plain(content: str, *, lines: bool = False) -> str:
    """The text with what is unseen shown as its number, `[U+202E]`.

    Args:
        lines: whether line breaks stay; else they become blanks.

    Example:
        >>> plain("red" + chr(0x1b) + "[31m" + chr(0x202E) + "txt")
        'red[U+001B][31m[U+202E]txt'
        >>> plain("two" + chr(10) + "lines")
        'two lines'
    """
    broken = re.sub("\r\n?|[\u0085\u2028\u2029\v\f]", "\n", content)
    if not lines:
        broken = re.sub(r"\s*\n\s*", " ", broken).replace("\t", " ")
    numbered = _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", broken)
    return _without_towers(numbered) if not numbered.isascii() else numbered


def shortened(content: str, most: int) -> str:
    """At most about `most` characters, and how many are left out.

    Example:
        >>> shortened("abcdefgh", 3), shortened("abc", 3)
        ('abc … (5 more characters)', 'abc')
    """
    left = len(content) - most
    return content if left <= 0 else f"{content[:most].rstrip()} … ({left:,} more characters)"


def clipped(content: str, most: int) -> str:
    """At most `most` characters, from 3, for a label.

    Example:
        >>> clipped("fine-tuned + retrieval", 12), clipped("house style", 10)
        ('fine-tuned …', 'house st …')
    """
    return content if len(content) <= most else f"{content[: most - 2].rstrip(' +-')} …"


def _without_towers(content: str) -> str:
    found, height = [], 0
    for letter in content:
        height = height + 1 if unicodedata.category(letter) in ("Mn", "Me") else 0
        if height <= _ACCENTS:
            found.append(letter)
        elif height == _ACCENTS + 1:
            found.append("…")
    return "".join(found)
