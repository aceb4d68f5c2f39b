"""A question that asks two things: "Who signs it, and by when do I hand it in?"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from instill.answer.asked.compared_things import sides_of
from instill.answer.terms import terms
from instill.answer.types import Answer

_WORD = r"(?:who|whom|whose|what|when|where|why|how|which)"
_JOINT = re.compile(
    rf"\s*[,;]?\s+(?:and|or)\s+(?=(?:(?:by|in|on|at|for|with|from|until|since)\s+)?{_WORD}\b)", re.IGNORECASE
)
_ASKS = re.compile(
    rf"\W*(?:(?:by|in|on|at|for|with|from|until|since)\s+)?(?:{_WORD}|is|are|was|were|do|does|did|can|could|may|must|should|has|have)\b",
    re.IGNORECASE,
)
SHORTEST = 4
"""Fewest words of a part; "who found it and how" asks one thing."""


def parts_of(question: str) -> tuple[str, ...]:
    """The questions that are joined by "and"; empty for one question.

    Example:
        >>> parts_of("Who is the safety officer and what is the price of a day rover?")
        ('Who is the safety officer?', 'what is the price of a day rover?')
        >>> parts_of("Who found the washout and how?"), parts_of("What are salt and pepper?")
        ((), ())
    """
    if sides_of(question):
        return ()
    parts = _joined(question)
    if not 2 <= len(parts) <= 3 or not all(terms(part) for part in parts):
        return ()
    return tuple(f"{part}?" for part in parts) if all(len(part.split()) >= SHORTEST for part in parts) else ()


def asks_twice(question: str) -> bool:
    """Does it ask for two things, be it in few words? Then one short answer is half of it.

    Example:
        >>> asks_twice("Who founded the mill and in what year?"), asks_twice("Who runs the mill and the farm?")
        (True, False)
    """
    return len(_joined(question)) > 1


def _joined(question: str) -> list[str]:
    """The parts that are joined by "and", where each of them asks."""
    parts = [part.strip(" ?.!,;") for part in _JOINT.split(question)]
    return parts if all(_ASKS.match(part) for part in parts) else []


def leaves_one_out(parts: Sequence[str], answer: Answer) -> bool:
    """Is the whole question refused, or does its answer have less than half of the words that one part alone has?"""
    if answer.abstained:
        return True
    said = " ".join([answer.text, *(f"{each.title} {each.headings} {each.text}" for each in answer.citations)])
    held = set(terms(said))
    for number, part in enumerate(parts):
        rest = set(terms(" ".join(other for place, other in enumerate(parts) if place != number)))
        own = set(terms(part)) - rest
        if own and 2 * len(own & held) < len(own):
            return True
    return False
