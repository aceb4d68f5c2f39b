"""Documents of a day: "What was decided on 5 October?" is answered by the points of the minutes of that day."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from instill.answer.found.chosen_piece import Chosen
from instill.answer.found.days import day_named
from instill.answer.found.pieces import Piece, lists_of, open_window
from instill.answer.found.versions import dated
from instill.index.types import Hit

MOST_LISTS = 3
"""Lists of one document that are shown."""

_POINTS = re.compile(
    r"\W*(?:(?:what|which (?:things|points|topics|decisions|actions))\b.{0,40}?"
    r"\b(?:decided?|discuss(?:ed)?|agreed?|talk(?:ed)?|covered|resolved|said|happened|points|decisions|topics)\b"
    r"|(?:what (?:is|was|were|are) (?:in |on )?)?(?:the )?(?:minutes|agenda|decisions|summary)\b)(?P<about>[^?]*)",
    re.IGNORECASE,
)
_MEETING = re.compile(
    r"\b(?:on|of|at|in|from|the|meeting|last|our|board|team|about|that|day|was|were|minutes|agenda)\b|\W|\d",
    re.IGNORECASE,
)
_MONTH = re.compile(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*|\d+(?:st|nd|rd|th)\b", re.IGNORECASE)


def points_of_the_day(question: str, hits: Sequence[Hit], text_of: Callable[[str], str | None]) -> list[Chosen] | None:
    """The lists of the document of the day that is named, in its order, where the question asks for nothing narrower.

    None where it is no such question; an empty list where no document that was found is of that day, or speaks of it.
    """
    day = day_named(question)
    match = _POINTS.match(question)
    if day is None or match is None or _MEETING.sub("", _MONTH.sub("", match["about"])).strip():
        return None
    firsts = {hit.doc_id: hit for hit in reversed(hits)}
    for hit in hits:
        if firsts.get(hit.doc_id) is not hit or not _is_of(day, hit, text_of):
            continue
        text = text_of(hit.doc_id) or ""
        window = open_window(replace(hit, start=0, end=len(text), text=text, last_page=None), text, 0)
        found = lists_of(window) if window else []
        if found:
            return [Chosen(piece, 0.0, None) for piece in found[:MOST_LISTS]]
    return None if any(day_named(line) == day for hit in hits for line in hit.text.splitlines()) else []


def _is_of(day: tuple[int | None, int, int], hit: Hit, text_of: Callable[[str], str | None]) -> bool:
    found = dated(Chosen(Piece(hit, "paragraph", ((hit.start, hit.end),), "", 0), 0.0, None), text_of)
    if found is None or day_named(found.words) is None:
        return False
    return found.when[1:] == day[1:] and day[0] in (None, found.when[0])
