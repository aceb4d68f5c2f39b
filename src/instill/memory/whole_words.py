"""Where words stand in a text as whole words and whole numbers, and how near a sentence is to a question."""

from __future__ import annotations

import re

from instill.answer.terms import terms
from instill.answer.uses_of_answer import places_of

_NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
"""Scripts whose words stand without spaces, or with endings: a piece of what stands together is a word there."""

_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0966-\u0dff"
_TOKEN = re.compile(
    r"(?:(?<!\w)[-\u2212](?=\d))?"
    r"(?:\d{1,3}(?:[ \u00a0\u202f'’]\d{3})+(?!\d)|\d+(?:/\d(?![\d/]))?)(?:[.,:]\d+)*"
    rf"(?:[^\W{_NO_SPACES}]|[{_MARKS}])*"
    rf"|(?:[^\W{_NO_SPACES}]|[{_MARKS}])+(?:(?<=\d)(?:[.,:]\d+)+)?"
)


def whole_places(text: str, words: str) -> list[int]:
    """Where `words` begin in `text`, without the places where they begin or end inside a word or a number.

    Example:
        >>> whole_places("It is 6.90 euros, or 90 euros.", "90 euros"), whole_places("It is 135 euros.", "5 euros")
        ([21], [])
        >>> whole_places("# Hotels", "e"), whole_places("From 1 200 euros.", "200 euros"), whole_places("At -5.", "5")
        ([], [], [])
    """
    starts = places_of(text, words) if words else []
    if not starts:
        return []
    tokens = [match.span() for match in _TOKEN.finditer(text)]
    inside = {at for start, end in tokens for at in range(start + 1, end)}
    return [at for at in starts if at not in inside and at + len(words) not in inside]


def words_shared(question: str, sentence: str, answer: str = "") -> int:
    """How many content words of a question a sentence has, without those of the answer.

    Example:
        >>> words_shared("What does a double room cost?", "The double room costs 90 euros.", "90 euros")
        3
    """
    return len((set(terms(question)) - set(terms(answer))) & set(terms(sentence)))
