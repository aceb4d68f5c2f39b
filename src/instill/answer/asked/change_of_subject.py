"""A question that says of itself that it is about something else: "something else: how many slots are there?"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from instill.answer.asked.needs_conversation import QUESTION_WORD
from instill.answer.types import Turn

_ANNOUNCES = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|thanks?(?: you)?|great|fine|alright|right|good|well|so|and|but|now|next|then|one more|"
    r"just|a|an|on|to|for|with)\b[\s,.!-]*)*"
    r"(?:"
    r"(?:something|anything) (?:completely |totally |entirely )?(?:else|different|unrelated|new)"
    r"|(?:(?:completely|totally|entirely) )?(?:different|new|another|other|unrelated|separate|next) "
    r"(?:thing|topic|question|subject|matter|issue|note|one)"
    r"|(?:a )?change of (?:topic|subject)|(?:chang|switch)(?:ing|e) (?:the )?(?:topics?|subjects?)"
    r"|unrelated(?:ly)?|moving on|by the way|btw|off[- ]topic|incidentally"
    r"|(?:eine? )?(?:ganz )?(?:andere|neue)s? (?:frage|thema)|(?:was|etwas) (?:ganz )?anderes|übrigens"
    r"|autre (?:chose|question|sujet)|changeons de sujet|au fait"
    r"|otra (?:cosa|pregunta)|otro tema|cambiando de tema|por cierto"
    r"|(?:un')?altra (?:cosa|domanda)|cambiando argomento"
    r")(?P<end>\s*[:;,.!?–—-]+\s*|\s+)",
    re.IGNORECASE,
)  # fmt: skip


def without_announcement(question: str) -> str:
    """What is asked behind words that announce another subject; "" where the question announces none.

    Example:
        >>> without_announcement("something else: how many slots are there?")
        'how many slots are there?'
        >>> without_announcement("Is there something else to read?")
        ''
    """
    found = _ANNOUNCES.match(question)
    if not found:
        return ""
    rest = question[found.end() :].strip()
    stopped = bool(found["end"].strip())
    return rest if rest and (stopped or QUESTION_WORD.match(rest)) else ""


def since_change(history: Sequence[Turn]) -> list[Turn]:
    """The turns since the user last announced another subject, that one without its announcement; else all."""
    for place in range(len(history) - 1, -1, -1):
        turn = history[place]
        rest = without_announcement(turn.text) if turn.role == "user" else ""
        if rest:
            return [replace(turn, text=rest), *history[place + 1 :]]
    return list(history)
