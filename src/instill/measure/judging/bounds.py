"""Bounds in one form: "5 or fewer", "up to 5", "no more than 5" and "≤ 5" are "at most 5"."""

from __future__ import annotations

from collections.abc import Sequence

from instill.measure.judging.text import word_list
from instill.measure.judging.word_tokens import ARTICLES, Token

_BEFORE = {
    "at most": "at most|up to|no more than|not more than|no longer than|no later than|not exceeding|maximum of|"
    "maximum|max|as many as|as much as|≤",
    "at least": "at least|no fewer than|no less than|not less than|not fewer than|no earlier than|minimum of|"
    "minimum|min|≥",
    "more than": "more than|over|above|greater than|higher than|longer than|exceeding|upwards of|>",
    "less than": "less than|fewer than|under|below|lower than|shorter than|<",
}
_AFTER = {
    "at most": "at most|or less|or fewer|or under|or below|at maximum|at the most|maximum|max|and below|"
    "or lower|or younger|or earlier|or smaller|or shorter",
    "at least": "at least|or more|or over|or above|or higher|and more|and over|and above|and up|and upwards|at minimum|"
    "at the least|minimum|upwards|plus|+|or longer|or older|or later|or greater|or larger|and older",
}
_Phrases = list[tuple[list[str], str]]


def _longest_first(table: dict[str, str]) -> _Phrases:
    every = [(phrase.split(), name) for name, phrases in table.items() for phrase in phrases.split("|")]
    return sorted(every, key=lambda each: -len(each[0]))


_PHRASES_BEFORE, _PHRASES_AFTER = _longest_first(_BEFORE), _longest_first(_AFTER)


def has_bound(given: Sequence[Token]) -> bool:
    """Whether what is said is a bound of a value.

    Example:
        >>> from instill.measure.judging.values import tokens_of
        >>> has_bound(tokens_of("up to 5 guests")), has_bound(tokens_of("5 guests"))
        (True, False)
    """
    return any(_bound_at(given, place) for place, token in enumerate(given))


def in_one_form(given: Sequence[Token]) -> list[Token]:
    """The same with every bound of a value before it, as one of "at most", "at least", "more than", "less than".

    Example:
        >>> from instill.measure.judging.values import tokens_of
        >>> [each.text for each in in_one_form(tokens_of("It holds 5 guests, or 7 at most."))]
        ['it', 'holds', '5', 'guests', ',', 'or', 'at', 'most', '7', '.']
    """
    found: list[Token] = []
    place = 0
    while place < len(given):
        bound = _bound_at(given, place)
        if bound is None:
            found.append(given[place])
            place += 1
            continue
        name, value, end = bound
        found += [*(Token("word", word) for word in word_list(name)), given[value]]
        place = end
    return found


def _bound_at(given: Sequence[Token], place: int) -> tuple[str, int, int] | None:
    """The bound that begins here, with the place of its value and where it ends."""
    if given[place].is_value:
        after = next((each for each in _PHRASES_AFTER if _stands(given, place + 1, each[0])), None)
        return (after[1], place, place + 1 + len(after[0])) if after else None
    for phrase, name in _PHRASES_BEFORE:
        value = place + len(phrase)
        if not _stands(given, place, phrase):
            continue
        value += value < len(given) and given[value].text in ARTICLES
        if value < len(given) and given[value].is_value:
            return name, value, value + 1
    return None


def _stands(given: Sequence[Token], place: int, phrase: Sequence[str]) -> bool:
    return [token.text for token in given[place : place + len(phrase)]] == list(phrase)
