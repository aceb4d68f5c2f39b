"""Markup of a document's text that is not shown: HTML tags around words of a table, the addresses of links, and the
marks of emphasis."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PAIR = re.compile(
    r"<(strong|b|em|i|u|code|span|small|sub|sup|a|p|div|font|mark)(?:\s[^<>]*)?>(?=[^<>]*</\1>)", re.IGNORECASE
)
_LINK = re.compile(
    r"(?<!!)\[(?=[^\[\]\n]+\]\()([^\[\]\n]+)(\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:[ \t]+\"[^\"\n]*\")?\))"
)
_EMPHASIS = re.compile(
    r"(?<![\w*_\\])(?!__[a-z0-9_]+__)(\*\*\*?|__)(?=[^\s*_])"  # but not __init__
    r"((?:[^\n*`]|\*(?!\*)|`[^`\n]*`){0,1000}?[^\s*_\\])(\1)(?![\w*_])"
)
_CODE = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def hidden_tags(text: str) -> Iterator[tuple[int, int]]:
    """Where tags of HTML stand that begin and end around words; others are words themselves.

    Example:
        >>> list(hidden_tags("<strong>Level</strong> <b>"))
        [(0, 8), (13, 22)]
    """
    for begun in _PAIR.finditer(text):
        end = f"</{begun[1]}>"
        yield begun.span()
        at = text.index("</", begun.end())
        yield at, at + len(end)


def hidden_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Where the marks and addresses of Markdown's links stand, but in code: their words are left.

    Example:
        >>> list(hidden_addresses("See [the page](https://a.b/c), not `[x](y)`."))
        [(4, 5), (13, 29)]
    """
    codes = [match.span() for match in _CODE.finditer(text)]
    for match in _LINK.finditer(text):
        if not any(start <= match.start() < end for start, end in codes):
            yield match.start(), match.start(1)
            yield match.span(2)


def hidden_emphasis(text: str) -> Iterator[tuple[int, int]]:
    """Where the marks around strongly emphasised words stand, but in code; a star by itself is a character as others.

    Example:
        >>> list(hidden_emphasis("Use **80 degrees**, not `**x**` nor 2**3**4 nor f(**a, **b)."))
        [(4, 6), (16, 18)]
    """
    codes = [match.span() for match in _CODE.finditer(text)]
    for match in _EMPHASIS.finditer(text):
        if not any(start <= match.start() < end for start, end in codes):
            yield match.span(1)
            yield match.span(3)


def hidden_marks(text: str) -> list[tuple[int, int]]:
    """All that is not shown of Markdown, in its order."""
    return sorted((*hidden_addresses(text), *hidden_emphasis(text)))


def without(text: str, start: int, end: int, hidden: list[tuple[int, int]]) -> str:
    """`text[start:end]` without what of it is hidden.

    Example:
        >>> without("See [tea](t.md) now.", 2, 18, [(4, 5), (8, 15)])
        'e tea no'
    """
    shown, at = [], start
    for begin, stop in hidden:
        if begin < end and at < stop:
            shown.append(text[at : max(at, begin)])
            at = min(end, stop)
    return "".join([*shown, text[at:end]])
