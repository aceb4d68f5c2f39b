"""A text in sentences, each with its tokens and its words as they are spoken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from instill.measure.judging.lexing import SENTENCE, lex
from instill.measure.judging.values import tokens_of
from instill.measure.judging.word_tokens import Token

_LONGEST = 20_000  # Characters of a reply that are looked at.
_MARKER = re.compile(r"\s*\[\d{1,3}(?:\s*[,;]\s*\d{1,3})*\]")
_BULLET = re.compile(r"^[ \t]*(?:[-*•‣–]|\(?\d{1,2}[.)]|\(?[a-zA-Z][.)])[ \t]+", re.M)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a reply.

    Args:
        first, last: places of its tokens in the reply, `last` without the mark that ends it.
        words: in lower case with one space between them, values as they are written after normalisation.
        asks: whether it ends with a question mark.
    """

    first: int
    last: int
    words: str
    asks: bool


@lru_cache(maxsize=1024)
def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a reply or an answer, without markers of citations like [1] and without the signs of lists."""
    cut = text[:_LONGEST]
    plain = _MARKER.sub("", cut)
    plain = plain if plain.strip() else cut
    return tuple(tokens_of(_BULLET.sub("", plain) if "\n" in plain.strip() else plain))


def sentences(said: Sequence[Token]) -> Iterator[Sentence]:
    """The sentences of a text, by its tokens."""
    first = 0
    for place in range(len(said) + 1):
        mark = said[place].text if place < len(said) else "."
        if place < len(said) and (said[place].kind != "mark" or mark not in SENTENCE):
            continue
        if place > first:
            own = [token.text for token in said[first:place] if token.kind != "mark"]
            if own:
                yield Sentence(first, place - 1, " ".join(own), mark == "?")
        first = place + 1


@lru_cache(maxsize=1024)
def sentences_of(text: str) -> tuple[Sentence, ...]:
    """As `sentences`, of a text."""
    return tuple(sentences(tokens(text)))


def spoken(text: str) -> str:
    """The words and numbers of a text, one space between them, as patterns are held against them.

    Example:
        >>> spoken("I'm not sure. (It isn't said.)")
        'i am not sure it is not said'
    """
    return " ".join(str(each.value) for each in lex(text[:_LONGEST]) if each.kind != "mark")
