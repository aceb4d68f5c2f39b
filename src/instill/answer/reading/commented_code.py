"""Comments in code as the prose that they are: the reader, which knows prose, sees what the lines below them do."""

from __future__ import annotations

import re

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_COMMENT = re.compile(r"\s*(#+|//+|--|;+|%+)(?=\s+\S*[^\W\d_]{2})")
_ENDS = tuple(".:!?,;{[(")


def with_comments_as_prose(text: str) -> str:
    """`text` in which the comments of its code blocks introduce the lines below them.

    Marks of comments become spaces; the end of the line becomes a colon after a comment, and a full stop after what it
    introduces. So the length stays the same, and everything else stands where it stood.

    Example:
        >>> with_comments_as_prose("```\\n# Stop it first\\nhalt db\\n# Then copy\\ncp a b\\n```")
        '```\\n  Stop it first:halt db.  Then copy:cp a b.```'
    """
    if not ("```" in text or "~~~" in text):
        return text
    lines = text.split("\n")
    ends = ["\n"] * len(lines)
    fence, introduced = "", False
    for place, line in enumerate(lines):
        mark = _FENCE.match(line)
        if mark is not None and (not fence or mark.group(1).startswith(fence)):
            fence, introduced = "" if fence else mark.group(1), False
            continue
        if not fence:
            continue
        goes_on = place + 1 < len(lines) and _is_code(lines[place + 1], fence)
        comment = _COMMENT.match(line)
        if comment is not None:
            lines[place] = " " * comment.end() + line[comment.end() :]
            last = introduced = goes_on
        else:
            introduced = introduced and bool(line.strip())
            last = introduced and not goes_on
        if last and not line.rstrip().endswith(_ENDS):
            ends[place] = ":" if comment is not None else "."
    return "".join(line + end for line, end in zip(lines, ends, strict=True))[:-1]


def _is_code(line: str, fence: str) -> bool:
    """Is it a line of code in this block, which a comment before it is about?"""
    mark = _FENCE.match(line)
    ends = mark is not None and mark.group(1).startswith(fence)
    return bool(line.strip()) and not ends and _COMMENT.match(line) is None
