"""The things that a question names side by side: "internet, phone and wellness". Each has an answer of its own."""

from __future__ import annotations

import re

from instill.answer.terms import terms

LONGEST_THING = 3
"""Most words, without function words, of a thing."""

_JOINT = re.compile(r"\s*,\s*(?:(?:and|or)\s+)?|\s+(?:and|or|und|oder)\s+|\s*&\s*", re.IGNORECASE)
_ASKS = re.compile(r"(?:\w+\s+)?(?:who|whom|whose|what|when|where|why|how|which|if|is|are|do|does|can|may)\b", re.I)


def side_by_side(question: str) -> list[frozenset[str]]:
    """The terms of each thing, without those that all of them share; empty where there are not at least two.

    Of what stands in front of the first joint, the last term is taken.

    Example:
        >>> [sorted(each) for each in side_by_side("How much is there each month for internet, food and wellness?")]
        [['internet'], ['food'], ['wellness']]
        >>> side_by_side("Who do I tell, and how early?"), side_by_side("How much is a return?")
        ([], [])
    """
    first, *others = _JOINT.split(question.strip(" ?.!"))
    if not others or not terms(first) or any(_ASKS.match(each) for each in others):
        return []
    held = [frozenset(terms(first)[-1:]), *(frozenset(terms(each)) for each in others)]
    if any(not 0 < len(own) <= LONGEST_THING for own in held):
        return []
    shared = frozenset.intersection(*held)
    things = [own - shared for own in held if own - shared]
    return things if len(things) > 1 else []
