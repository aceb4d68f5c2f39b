"""Words, numbers and marks put together to what is compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from instill.measure.judging.amounts import amounts, compound, ranges
from instill.measure.judging.dates_and_times import dates, times
from instill.measure.judging.lexing import Raw, lex
from instill.measure.judging.number_words import number_words
from instill.measure.judging.word_tokens import Kind, Token, clock, date_token

_Step = Callable[[Sequence[Token], int], "tuple[Token, int] | None"]


def tokens_of(text: str) -> list[Token]:
    """The words, values and marks of a text, in their order.

    Example:
        >>> [(each.kind, each.text) for each in tokens_of("Twelve hundred euros, since 3 May 1931")]
        [('quantity', '1200 euros'), ('mark', ','), ('word', 'since'), ('date', '1931-5-3')]
    """
    found = [_token(each) for each in lex(text)]
    for step in (number_words, dates, times, amounts, compound, ranges):
        found = _merged(found, step)
    return [each for each in found if each.text]


def _merged(given: Sequence[Token], step: _Step) -> list[Token]:
    found: list[Token] = []
    place = 0
    while place < len(given):
        made = step(given, place)
        found.append(made[0] if made else given[place])
        place += made[1] if made else 1
    return found


def _token(raw: Raw) -> Token:
    if isinstance(raw.value, Fraction):
        if raw.kind == "time":
            return Token("time", clock(int(raw.value)), minutes=frozenset({int(raw.value) % 1440}), joined=raw.joined)
        return Token("ordinal" if raw.kind == "ordinal" else "number", str(raw.value), raw.value, joined=raw.joined)
    if isinstance(raw.value, frozenset):
        return date_token(raw.value, raw.joined)
    kind: Kind = "mark" if raw.kind == "mark" and not _counts(raw.value) else "word"
    return Token(kind, raw.value, capital=raw.capital, joined=raw.joined)


def _counts(sign: str) -> bool:
    """Signs that change what is said: "<", "+", and the like."""
    return sign in "<>=+^~≤≥≠±×÷√∞"
