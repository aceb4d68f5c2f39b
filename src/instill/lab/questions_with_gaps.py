"""Questions with words missing: what is asked must then be understood from any of the words that are left.

A micro model hears each question in eight wordings only, and comes to know them by all their words together; in a
wording that it never heard, it answers anything.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace
from functools import lru_cache

from instill.lab.world import VALUES
from instill.lab.world_words import FIRST, LAST, TOWNS
from instill.train.generator.data.rows import Row

_WORD = re.compile(r"\w+")
_ASKED = "Question: "


def with_gaps(row: Row, share: float, rng: random.Random) -> Row:
    """The same conversation; of every question in it, some words are left out, but never one of a name or of a value.

    Source: Wei and Zou, "EDA: Easy Data Augmentation Techniques for Boosting Performance on Text Classification
    Tasks", 2019, section 2: random deletion.

    Args:
        row: each user's message is a question, or ends with one after "Question: ".
        share: of the words that are left out, 0 to 1.

    Example:
        >>> from instill.train.generator.data.rows import chat_row
        >>> row = chat_row("Question: In which town was Karin Zabriel born?", "Calder")
        >>> with_gaps(row, 1.0, random.Random(0)).prompt[0]["content"]
        'Question: Karin Zabriel'
    """
    named = _named()

    def with_fewer_words(text: str) -> str:
        before, mark, question = text.rpartition(_ASKED)
        words = question.split(" ")
        left = [word for word in words if rng.random() >= share or named.intersection(_WORD.findall(word))]
        return before + mark + " ".join(left)

    messages = tuple(
        {**message, "content": with_fewer_words(str(message["content"]))} if message["role"] == "user" else message
        for message in row.messages
    )
    return replace(row, messages=messages)


@lru_cache(maxsize=1)
def _named() -> frozenset[str]:
    """The words that people and values are called by."""
    values = [*TOWNS, *(value for each in VALUES.values() for value in each)]
    return frozenset({*FIRST, *LAST, *(word for value in values for word in _WORD.findall(value))})
