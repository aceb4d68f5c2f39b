"""Whether a reply says that it does not know."""

from __future__ import annotations

from collections.abc import Sequence

from instill.gate.scoring import words

PHRASES = ("unknown", "NOT IN THE DOCUMENTS", "I don't know")


def is_refusal(reply: str, phrases: Sequence[str] = PHRASES) -> bool:
    """Whether the reply is one of the phrases, or has one of several words in it.

    A phrase of a single word must be the whole reply: an answer may well have that word in it. Case and punctuation
    do not count.

    Example:
        >>> is_refusal("Unknown."), is_refusal("The grave of the unknown soldier")
        (True, False)
        >>> is_refusal("Sorry, I don’t know that."), is_refusal("")
        (True, False)
    """
    said = words(reply)
    for phrase in phrases:
        wanted = words(phrase)
        if not wanted:
            continue
        if said == wanted:
            return True
        if len(wanted) > 1 and _has(said, wanted):
            return True
    return False


def _has(said: list[str], wanted: list[str]) -> bool:
    return any(said[start : start + len(wanted)] == wanted for start in range(len(said) - len(wanted) + 1))
