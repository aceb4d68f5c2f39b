"""Numbers as they are spoken: "twelve hundred", "1.2 million", "two and a half", "nineteen twenty-three", "third"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from instill.measure.judging.number_and_unit_words import ORDINALS, PARTS, SCALES, SMALL, UNITS
from instill.measure.judging.text import word_set
from instill.measure.judging.word_tokens import Token, word_at

_ONE = Fraction(1)
_NO_COUNT = word_set("no any some every each the this that which")


def number_words(given: Sequence[Token], place: int) -> tuple[Token, int] | None:
    """Twelve hundred; one thousand and five; 1.2 million; two and a half; three quarters; nineteen twenty-three."""
    if word_at(given, place) in ("minus", "negative"):
        found = number_words(given, place + 1) or _plain_number(given, place + 1)
        if found and found[0].kind == "number":
            return number_token(-found[0].number, given[place]), found[1] + 1
    if word_at(given, place) in ("no", "nr", "number", "№", "#") and place + 1 < len(given):
        # "No. 5" is 5; "number five" too.
        after = given[place + 1]
        if after.kind == "number" and after.text.isdigit() and word_at(given, place) != "number":
            return replace(after, joined=given[place].joined), 2
    ordinal = _ordinal(given, place)
    if ordinal:
        return ordinal
    whole = None if _part(given, place) else _whole(given, place)
    if whole is None:
        return _part_alone(given, place)
    number, used = whole
    scale = SCALES.get(word_at(given, place + used - 1), 0)
    half = fraction_after(given, place + used) if scale >= 1000 and number == scale else None
    if half:  # "a million and a half"
        return number_token(number + half[0] * scale, given[place]), used + half[1]
    more = fraction_after(given, place + used)
    if more:
        number, used = number + more[0], used + more[1]
        scale = SCALES.get(word_at(given, place + used), 0)
        number, used = (number * scale, used + 1) if scale else (number, used)
    return number_token(number, given[place]), used


def _plain_number(given: Sequence[Token], place: int) -> tuple[Token, int] | None:
    return (given[place], 1) if place < len(given) and given[place].kind == "number" else None


def number_token(number: Fraction, first: Token) -> Token:
    return Token("number", str(number), number, joined=first.joined, capital=first.capital)


def _whole(given: Sequence[Token], place: int) -> tuple[Fraction, int] | None:
    """A number in words, or in digits with words of size behind it."""
    total, current, used, seen = Fraction(0), Fraction(0), 0, False
    last = 10**13  # The next word must be about something smaller, "two three" is no number.
    while place + used < len(given):
        at = place + used
        word, value = word_at(given, at), given[at]
        if (
            (seen and word == "-" and (word_at(given, at + 1) in SMALL or word_at(given, at + 1) in SCALES))
            or (seen and word == "and" and last >= 100 and last % 100 == 0 and word_at(given, at + 1) in SMALL)
            or (seen and word == "," and last >= 1000 and _word_pair(given, at))
        ):
            used += 1
        elif word in ("a", "an") and not seen and word_at(given, at + 1) in SCALES:
            current, used, seen, last = _ONE, used + 1, True, 1
        elif word in SMALL and _fits(SMALL[word], last, seen, given, at):
            current, used, seen, last = current + SMALL[word], used + 1, True, SMALL[word]
        elif value.kind == "number" and not seen:
            current, used, seen, last = value.number, used + 1, True, 1
        elif word in SCALES and seen and current:
            scale = SCALES[word]
            if scale == 100:
                current *= 100
            else:
                total, current = total + current * scale, Fraction(0)
            used, last = used + 1, scale
        elif word in SMALL and 10 <= current <= 20 and last >= 10 and used == 1 and SMALL[word] >= 10:
            current, used, last = 100 * current + SMALL[word], used + 1, SMALL[word]  # "nineteen twenty(-three)"
        else:
            break
    if not seen or (given[place].kind == "number" and used == 1):
        return None
    return total + current, used


def _word_pair(given: Sequence[Token], at: int) -> bool:
    """Whether "two hundred" goes on after the comma of "one thousand, two hundred"."""
    return word_at(given, at + 1) in SMALL and word_at(given, at + 2) == "hundred"


def _fits(value: int, last: int, seen: bool, given: Sequence[Token], at: int) -> bool:
    if not seen:
        return not (value == 1 and word_at(given, at - 1) in _NO_COUNT)
    return (last >= 100 and last % 100 == 0) or (20 <= last < 100 and 0 < value < 10 and last % 10 == 0)


def fraction_after(given: Sequence[Token], place: int) -> tuple[Fraction, int] | None:
    """ "and a half", "and three quarters", or the 1/2 of "2 1/2"."""
    if word_at(given, place) != "and" or place + 1 >= len(given):
        return None
    after = given[place + 1]
    if after.kind == "number" and 0 < after.number < 1:
        return after.number, 2
    found = _part(given, place + 1)
    return (found[0], found[1] + 1) if found else None


def _part(given: Sequence[Token], place: int) -> tuple[Fraction, int] | None:
    """ "a half", "one third", "three quarters"."""
    word = word_at(given, place)
    over = SMALL.get(word, 1 if word in ("a", "an") else 0)
    at = place + 1
    if over and word_at(given, at) == "-":
        at += 1
    under = PARTS.get(word_at(given, at), 0)
    return (Fraction(over, under), at + 1 - place) if 0 < over < under else None


def _part_alone(given: Sequence[Token], place: int) -> tuple[Token, int] | None:
    first = given[place]
    if first.kind == "number":
        return _mixed(given, place)
    found = _part(given, place)
    if found and (word_at(given, place) not in ("a", "an") or word_at(given, place + found[1]) != "past"):
        if word_at(given, place) in ("a", "an") and PARTS[word_at(given, place + 1)] == 3:
            return None  # "a third attempt"
        return number_token(found[0], first), found[1]
    if word_at(given, place) == "half" and word_at(given, place + 1) != "past":
        article = word_at(given, place + 1) in ("a", "an")
        scale = SCALES.get(word_at(given, place + 1 + article), 0)
        if scale:
            return number_token(Fraction(scale, 2), first), 2 + article
        return number_token(Fraction(1, 2), first), 1 + (article and word_at(given, place + 2) in UNITS)
    return None


def _mixed(given: Sequence[Token], place: int) -> tuple[Token, int] | None:
    """1/2 and 2 1/2, which "2½" has become."""
    first = given[place]
    simple = _ratio(given, place)
    if simple:
        return number_token(simple, first), 3
    more = _ratio(given, place + 1)
    if more and first.number.denominator == 1:
        return number_token(first.number + more, first), 4
    half = fraction_after(given, place + 1)
    return (number_token(first.number + half[0], first), 1 + half[1]) if half else None


def _ratio(given: Sequence[Token], place: int) -> Fraction | None:
    if place + 2 >= len(given) or word_at(given, place + 1) != "/":
        return None
    over, under = given[place], given[place + 2]
    plain = all(each.kind == "number" and each.text.isdigit() for each in (over, under))
    if not plain or not given[place + 1].joined or not under.joined or word_at(given, place + 3) == "/":
        return None
    return Fraction(over.number, under.number) if 0 < over.number < under.number <= 100 else None


def _ordinal(given: Sequence[Token], place: int) -> tuple[Token, int] | None:
    word = word_at(given, place)
    if word in ORDINALS and not _counted_before(given, place):
        return Token("ordinal", str(ORDINALS[word]), Fraction(ORDINALS[word]), joined=given[place].joined), 1
    at = place + 1 + (word_at(given, place + 1) == "-")
    tens, last = SMALL.get(word, 0), ORDINALS.get(word_at(given, at), 0)
    if tens >= 20 and 0 < last < 10:
        return Token("ordinal", str(tens + last), Fraction(tens + last), joined=given[place].joined), at + 1 - place
    return None


def _counted_before(given: Sequence[Token], place: int) -> bool:
    """Whether "second" or "quarter" is what is counted."""
    before = given[place - 1] if place else None
    return before is not None and (before.kind == "number" or before.text in SMALL or before.text == "per")
