"""Answers of several things, which may be said in any order: "red, white and green"."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from instill.measure.judging.same_value import content, places
from instill.measure.judging.text import word_set
from instill.measure.judging.word_tokens import ARTICLES, Token

_JOINS = word_set("and & , ; plus") | {"\n"}
_SIGNS = word_set(". : - • *")
_ORDER = word_set("order first last next then sequence rank ranked ranking sorted alphabetical steps chronological")
_MOST_WORDS = 4


def run_of(said: Sequence[Token], wanted: Sequence[Token], asked: Collection[str]) -> tuple[int, int] | None:
    """From where to where a reply says the several things of an answer and nothing between them, in another order or
    joined otherwise. None where it does not, where the answer is one thing, or where the question asks for an order.

    Example:
        >>> from instill.measure.judging.values import tokens_of
        >>> wanted = tokens_of("red, white and green")
        >>> run_of(tokens_of("It is green, white, red."), wanted, ()), run_of(tokens_of("Green and red"), wanted, ())
        ((2, 6), None)
    """
    items = _items(wanted)
    if len(items) < 2 or _ORDER & set(asked):
        return None
    found = [next(places(said, item, asked), None) for item in items]
    spans = sorted(span for span in found if span is not None)
    if len(spans) < len(items) or any(one[1] >= other[0] for one, other in pairwise(spans)):
        return None
    first, last = spans[0][0], spans[-1][1]
    inside = {place for start, end in spans for place in range(start, end + 1)}
    between = [said[place] for place in range(first, last + 1) if place not in inside]
    if any(token.text not in _JOINS | _SIGNS | ARTICLES for token in between):
        return None
    if any(token.text == "\n" for token in between) and _goes_on(said, last):
        return None
    return None if _begins_before(said, first) else (first, last)


def _items(wanted: Sequence[Token]) -> list[list[Token]]:
    """What is joined by commas or "and"; none where a part is long, so that it is a sentence."""
    items: list[list[Token]] = [[]]
    for token in wanted:
        if token.text in _JOINS:
            items.append([])
        elif token.kind != "mark" and token.text not in ARTICLES:
            items[-1].append(token)
    items = [item for item in items if item]
    joined = any(token.text in ("and", "&", "plus") for token in wanted) or len(items) > 2
    return items if joined and all(len(item) <= _MOST_WORDS for item in items) else []


def _begins_before(said: Sequence[Token], first: int) -> bool:
    """Whether one more name stands before, joined to the others: "Cai, Bo and Ada"."""
    joined = first > 1 and said[first - 1].text in _JOINS
    return joined and said[first - 2].kind == said[first].kind and said[first - 2].capital == said[first].capital


def _goes_on(said: Sequence[Token], last: int) -> bool:
    """Whether one more line of a list follows."""
    rest = said[last + 1 :]
    line = next((place for place, token in enumerate(rest[1:], 1) if token.text == "\n"), len(rest))
    return 0 < len([place for place in content(rest[:line]) if rest[place].kind != "mark"]) <= _MOST_WORDS
