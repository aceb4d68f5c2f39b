"""Headings inside of a text: how deep one stands, and its words."""

from __future__ import annotations

import re

from instill.answer.found.sentences import Sentence

HASHES = re.compile(r"\s{0,3}(#{1,6})\s")


def heading_level(text: str, unit: Sentence) -> int:
    """How deep the heading stands, 1 for a title."""
    line = text[unit.start : unit.end]
    hashes = HASHES.match(line)
    if hashes:
        return len(hashes.group(1))
    following = text[unit.end : unit.end + 4].lstrip("\n")[:1]
    return {"=": 1, "-": 2}.get(following, 3)


def heading_text(line: str) -> str:
    """A heading without its marks.

    Example:
        >>> heading_text("## Remove the `app` ##"), heading_text("#### _Appending_ with `push_str`")
        ('Remove the app', 'Appending with push_str')
    """
    return re.sub(r"[*`]|(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)", "", line.strip().strip("#=~- ")).strip()
