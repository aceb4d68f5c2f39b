"""How long a written answer may be, by what the question asks for. A small model that finds no end is stopped there."""

from __future__ import annotations

import re
from collections.abc import Mapping

from instill.answer.asked.kind_of_answer import Wanted, names_a_message, read_question

TOKENS: Mapping[Wanted, int] = {
    "number": 160, "date": 160, "person": 160, "place": 160, "yesno": 200, "definition": 240, "reason": 280,
    "other": 320, "list": 480, "manner": 480,
}  # fmt: skip
"""Tokens of an answer and its quotes. A sentence with its mark takes about 30, its quote as many again; a fact
takes one or two sentences, steps and lists ten or so."""


def most_tokens(question: str, most: int) -> int:
    """Tokens that an answer to `question` may have, at most `most`; what it asks for most is what counts.

    Example:
        >>> most_tokens("When was the bridge built?", 600), most_tokens("How do I install it?", 600)
        (160, 480)
        >>> most_tokens("How do I install it?", 100)
        100
    """
    return min(most, max(TOKENS[kind] for kind in read_question(question).wanted))


_TOLD_WHOLE = frozenset({"list", "manner"})
_ASKS = re.compile(
    r"\?\s*$|^(?:who|what|when|where|which|why|how|is|are|do|does|did|can|may|must|should)\b", re.IGNORECASE
)


def is_said_briefly(question: str) -> bool:
    """Whether a sentence or two will do. Steps and lists are told whole; keywords and messages ask nothing.

    Example:
        >>> is_said_briefly("When was the bridge built?"), is_said_briefly("How do I install it?")
        (True, False)
        >>> is_said_briefly("fatal: not a repository")
        False
    """
    asks = bool(_ASKS.search(question)) and not names_a_message(question)
    return asks and not _TOLD_WHOLE & set(read_question(question).wanted)
