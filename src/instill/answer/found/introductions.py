"""What introduces a list or a block of code: the paragraph above it that announces it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from instill.answer.asked.units import unit_behind
from instill.answer.found.sentences import Sentence
from instill.answer.found.titled_items import is_title_line

if TYPE_CHECKING:
    from instill.answer.found.pieces import Block, PieceKind

LONGEST_INTRODUCTION = 900
"""Of a paragraph with more characters only the last sentence introduces."""

LONGEST_CAPTION = 120
"""Characters of the line above code that names its file."""

_TAG = re.compile(r"</?\w[^<>]*>")
_CAPTION = re.compile(
    r"[*_`\s]*(?:(?:file ?name|file|in|edit|listing)\b[*_`\s\w.-]*:?)?[*_`\s]*[\w/~.-]*\.\w{1,8}[*_`\s]*:?",
    re.IGNORECASE,
)

_POINTS_ON = re.compile(r"\b(?:following|as follows|these|those|below)\b", re.IGNORECASE)
"""Words with which a paragraph introduces the list under it although it ends with a full stop."""

_COUNT = re.compile(
    r"\b(?P<count>\d{1,2}|two|three|four|five|six|seven|eight|nine|ten)\s+(?:[\w-]+\s+){0,2}?\w+s\b", re.IGNORECASE
)
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}


_ELSEWHERE = re.compile(
    r"\b(?:we|you|i)(?:['’]ll| will) (?:\w+ ){0,2}"
    r"(?:cover|discuss|talk|see|look|explore|explain|describe|learn|return|come)"
    r"\b[^.]{0,160}\b(?:sections?|chapters?|later|below|part)\b"
    r"|\b(?:is|are|will be) (?:\w+ )?(?:covered|discussed|described|explained|treated|documented) "
    r"(?:later|below|elsewhere|in (?:detail in )?(?:the |a |an |its )?(?:next |later |following |separate |own )?"
    r"(?:sections?|chapters?|document|page|part)\b)",
    re.IGNORECASE,
)


def points_elsewhere(text: str) -> bool:
    """Does it say where else something is treated, as the announcements of a book do?

    Example:
        >>> points_elsewhere("We’ll cover that in the section “Oven” later."), points_elsewhere("We cover the oven.")
        (True, False)
    """
    return _ELSEWHERE.search(text) is not None


def top_items(text: str, units: Sequence[Sentence]) -> int:
    """How many of the units are items as little indented as the first."""
    indents = [unit.start - text.rfind("\n", 0, unit.start) for unit in units if unit.kind == "item"]
    return sum(indent <= indents[0] for indent in indents)


def _counts(text: str, items: int) -> bool:
    """Does the text count as many things as there are items, or one more or less: "There are 5 tasks"?

    Example:
        >>> _counts("There are 5 tasks in the first week.", 6), _counts("It takes 2 weeks.", 2)
        (True, False)
    """
    for match in _COUNT.finditer(text):
        count = _NUMBERS.get(match["count"].lower()) or int(match["count"])
        if count > 1 and abs(count - items) <= 1 and not unit_behind(text, match.end("count")):
            return True
    return False


def lead_of(text: str, blocks: Sequence[Block], kind: PieceKind, start: int, heading: int | None, items: int) -> int:
    """Where the paragraph above begins, if it introduces the block.

    It does where it ends with ":" or "...", points on to a list ("in any of these countries."), counts the list's items
    in its last sentence ("There are 5 tasks."), or stands above code. Between it and code may stand the name of a file.
    """
    above = blocks[-1] if blocks else None
    if (
        above is None
        or above.heading != heading
        or above.kind != "paragraph"
        or kind in ("paragraph", "table", "record")
    ):
        return start
    if kind == "code" and _names_a_file(text[above.start : above.end]):
        further = lead_of(text, blocks[:-1], kind, above.start, heading, items)
        return further if _announces(text[further : above.start]) else above.start
    between = text[above.end : start].replace(">", " ")  # the marks of a quotation
    open_end = _announces(text[above.start : above.end])
    titles = (
        kind == "list" and between == "\n" + between[1:].lstrip("\n") and is_title_line(text[above.start : above.end])
    )
    points_on = kind == "list" and bool(_POINTS_ON.search(text, max(above.start, above.end - 250), above.end))
    last_stop = max(text.rfind(mark, above.start, above.end - 1) for mark in (". ", "\n"))
    points_on = points_on or (items > 1 and _counts(text[max(above.start, last_stop + 1) : above.end], items))
    if between.strip() or between.count("\n") > 3 or not (kind == "code" or open_end or points_on or titles):
        return start
    if start - above.start > LONGEST_INTRODUCTION:
        # A long paragraph: its last sentence introduces.
        cut = max(text.rfind(mark, above.start, above.end - 1) for mark in (". ", "\n", "。"))
        return cut + 1 + (text[cut + 1 : cut + 2] == " ") if cut > 0 else start
    return above.start


def _announces(paragraph: str) -> bool:
    return paragraph.rstrip("*_ \n").endswith((":", "：", "...", "…"))


def _names_a_file(line: str) -> bool:
    """Is this the line above code that says in which file it stands?

    Example:
        >>> _names_a_file("<span>Filename: Cargo.toml</span>"), _names_a_file("See a.")
        (True, False)
    """
    return len(line) <= LONGEST_CAPTION and _CAPTION.fullmatch(_TAG.sub("", line).strip()) is not None
