"""Whether two questions mean the same: what code can say beside the cosine of their vectors."""

from __future__ import annotations

import re

from instill.answer.asked.kind_of_answer import read_question
from instill.answer.asked.must_be_spoken_of import pins_of
from instill.answer.terms import normalise
from instill.models.encoders.protocol import Vectors

_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|except|cannot|un(?:less|able)|"
    r"nicht|kein\w*|nie|ohne|außer|pas|jamais|sans|sin|nunca|non|mai|senza)\b|n['’]t\b"
)
_RELATION = re.compile(
    r"\b(?:before|after|above|below|under|over|between|since|until|from|first|last|next|previous|other|another|else|"
    r"most|least|more|less|fewer|max\w*|min\w*|only|all|both|every|each|old|new|former|current|latest|earliest)\b"
)
"""Small words that turn a question into another one."""

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


def cosine(one: Vectors, other: Vectors) -> float:
    """Of two vectors of length 1; 0 where they have different lengths, as of two encoders."""
    return float(one @ other) if one.shape == other.shape and one.size else 0.0


def same_pins(one: str, other: str) -> bool:
    """Do both questions have the same names, codes, numbers and relations, and deny as often?

    Example:
        >>> same_pins("Who runs Lyra 2?", "By whom is Lyra 2 run?"), same_pins("Who runs Lyra 2?", "Who runs Lyra 3?")
        (True, False)
        >>> same_pins("May I smoke?", "May I not smoke?"), same_pins("What came before it?", "What came after it?")
        (False, False)
    """
    first, second = pinned_in(one), pinned_in(other)
    if first[1:] != second[1:]:
        return False
    return all(_speaks_of(name, other) for name in first[0]) and all(_speaks_of(name, one) for name in second[0])


def pinned_in(question: str) -> tuple[frozenset[str], tuple[str, ...], int, tuple[str, ...]]:
    """Names and codes, numbers in order, how often the question denies, and words such as "before" and "most"."""
    plain = normalise(question)
    names = {
        re.sub(r"['’]s?$", "", normalise(pin.text.strip("`"))) for pin in pins_of(question) if pin.kind != "number"
    }
    denied, related = len(_NEGATION.findall(plain)), tuple(sorted(_RELATION.findall(plain)))
    return frozenset(names), tuple(sorted(_NUMBER.findall(plain))), denied, related


def _speaks_of(name: str, question: str) -> bool:
    """Does a question hold the name, in any case?"""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", normalise(question)) is not None


def same_kind(one: str, other: str) -> bool:
    """Do both questions ask for the same kind of thing (a number, a date, a person)? Keywords ask for any.

    Example:
        >>> same_kind("When was it built?", "In what year was it built?")
        True
        >>> same_kind("When was it built?", "Who built it?")
        False
    """
    first, second = (_kinds(each) for each in (one, other))
    return not first or not second or first == second


_KINDS = frozenset({"number", "date", "person", "place", "reason", "list", "manner"})


def _kinds(question: str) -> frozenset[str]:
    return frozenset(read_question(question).wanted) & _KINDS
