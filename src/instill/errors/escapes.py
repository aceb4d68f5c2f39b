"""Names and messages made fit to show: what could act on a terminal, or mislead the eye, is written as an escape.

A file name, a link's target, a title or an error may hold anything. Here, and nowhere else, is said how its control
characters are shown. Nothing is taken away, so that two names that differ look different.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_JOINERS = "\u200c\u200d"
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters by category, seen as nothing


def shown(text: object, limit: int | None = None) -> str:
    r"""`text` on one line, every character of it visible; at most `limit` characters, the last one then an ellipsis.

    Control characters, line ends, direction marks, invisible characters, private-use and unassigned characters become
    `\n`, `\x1b`, `\u202e`; a byte of a file name that is no UTF-8 becomes `\xff`. A joiner between two letters of a
    script that needs it stays, and so does every space.

    Example:
        >>> shown("a\x1b[31mred\nb\u202ecod.exe")
        'a\\x1b[31mred\\nb\\u202ecod.exe'
        >>> shown("Übung 3.pdf")
        'Übung 3.pdf'
    """
    return shortened(_escaped(str(text), keep=""), limit)


def shown_block(text: str) -> str:
    r"""Like `shown`, for a text of several lines: line ends and tabs stay as they are.

    Example:
        >>> shown_block("one\ntwo\x07")
        'one\ntwo\\x07'
    """
    return _escaped(text.replace("\r\n", "\n"), keep="\n\t")


def json_text(value: Any, *, indent: int | None = None, default: Any = None) -> str:
    r"""`value` as JSON that a terminal may show: no information is lost, every odd character is a JSON escape.

    Example:
        >>> json_text({"name": "ä\u202e\x9b"})
        '{"name": "ä\\u202e\\u009b"}'
    """
    written = json.dumps(value, ensure_ascii=False, indent=indent, default=default)
    if written.isascii() and "\x7f" not in written:
        return written
    return "".join(
        _in_json(character) if _acts(character) and character != "\n" else character for character in written
    )


def _escaped(text: str, *, keep: str) -> str:
    if text.isprintable():  # nearly always
        return text if _BLANK.isdisjoint(text) else "".join(_escape(each) if each in _BLANK else each for each in text)
    found = []
    for position, character in enumerate(text):
        odd = character not in keep and (_acts(character) or character in _BLANK)
        if odd and not (character in _JOINERS and _joins(text, position)):
            found.append(_escape(character))
        else:
            found.append(character)
    return "".join(found)


def _acts(character: str) -> bool:
    return not character.isprintable() and unicodedata.category(character) != "Zs"


def _escape(character: str) -> str:
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _in_json(character: str) -> str:
    return json.dumps(character)[1:-1]


def _joins(text: str, position: int) -> bool:
    """Is the joiner at `position` part of spelling or of an emoji (neither neighbour is ASCII or a joiner)?"""
    neighbours = text[max(0, position - 1) : position] + text[position + 1 : position + 2]
    return len(neighbours) == 2 and not any(each.isascii() or _acts(each) for each in neighbours)


def shortened(text: str, limit: int | None) -> str:
    if limit is not None and len(text) > limit:
        return text[: limit - 1].rstrip() + "…"
    return text
