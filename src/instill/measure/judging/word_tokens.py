"""What is compared: a word, a mark, or a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from instill.measure.judging.lexing import Day
from instill.measure.judging.number_and_unit_words import Unit

Kind = Literal["word", "mark", "number", "ordinal", "quantity", "date", "time", "range"]

ARTICLES = frozenset({"a", "an", "the"})
_EARLIEST, _LATEST = 1000, 2999


@dataclass(frozen=True, slots=True)
class Token:
    """What is compared as one thing.

    Args:
        text: in lower case; of a mark the mark.
        number: of numbers, ordinals and quantities.
        units: what a quantity may be counted in; "pounds" are a weight or money.
        days: what a date may mean. minutes: what a time may mean, since midnight.
        ends: of a range, its first and last value.
        spelled: of a range, "from" stands before it, so that it is said which end is which.
        capital: whether it begins with a capital letter.
    """

    kind: Kind
    text: str
    number: Fraction = Fraction(0)
    units: tuple[Unit, ...] = ()
    days: frozenset[Day] = frozenset()
    minutes: frozenset[int] = frozenset()
    ends: tuple[Token, ...] = ()
    spelled: bool = False
    capital: bool = False
    joined: bool = False

    @property
    def is_value(self) -> bool:
        """Whether it is a number, a date, or another value that is compared by what it means."""
        return self.kind not in ("word", "mark")

    @property
    def is_year(self) -> bool:
        return self.kind == "number" and self.number.denominator == 1 and _EARLIEST <= self.number <= _LATEST

    @property
    def flat(self) -> tuple[str, ...]:
        """Single words, for an overlap of words: a date is day, month and year, a quantity number and unit."""
        if self.kind in ("number", "ordinal"):
            return (str(self.number),)
        if self.kind == "quantity":
            return str(self.number), *sorted(f"{dimension} {factor}" for dimension, factor in self.units)[:1]
        if self.kind == "date":
            (day, *_) = sorted(self.days, key=str)
            return tuple(f"{name}{part}" for name, part in zip(("", "m", "d"), day, strict=True) if part is not None)
        return tuple(each for end in self.ends for each in end.flat) if self.kind == "range" else (self.text,)


def date_token(days: frozenset[Day], joined: bool = False) -> Token:
    (first, *_) = sorted(days, key=str)
    return Token("date", "-".join(str(part) for part in first if part is not None), days=days, joined=joined)


def clock(minutes: int) -> str:
    return f"{minutes // 60 % 24}:{minutes % 60:02}"


def word_at(given: Sequence[Token], place: int) -> str:
    return given[place].text if 0 <= place < len(given) and given[place].kind in ("word", "mark") else ""
