"""Dates and times: "the third of May, 1931", "6:05 p.m.", "half past nine"."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from instill.measure.judging.number_and_unit_words import MONTHS, WEEKDAYS
from instill.measure.judging.word_tokens import Token, clock, date_token, word_at


def dates(given: Sequence[Token], place: int) -> tuple[Token, int] | None:
    start = place
    if word_at(given, place) in WEEKDAYS:
        place += 1 + (word_at(given, place + 1) == ",")
        if place < len(given) and given[place].kind == "date":
            return given[place], place + 1 - start
    month = MONTHS.get(word_at(given, place), 0)
    if month:
        day, at = _day(given, place + 1)
        year, end = _year(given, at)
        if day or year:
            return date_token(frozenset({(year, month, day)}), given[start].joined), end - start
        return None
    day, at = _day(given, place)
    if day:
        at += word_at(given, at) == "of"
        month = MONTHS.get(word_at(given, at), 0)
        if month:
            year, end = _year(given, at + 1)
            return date_token(frozenset({(year, month, day)}), given[start].joined), end - start
    return None


def _day(given: Sequence[Token], place: int) -> tuple[int | None, int]:
    at = place + (word_at(given, place) == "the")
    if at < len(given) and given[at].kind in ("number", "ordinal"):
        number = given[at].number
        if number.denominator == 1 and 1 <= number <= 31:
            end = at + 1
            # "3. May" of other languages.
            return int(number), end + (word_at(given, end) == "." and word_at(given, end + 1) in MONTHS)
    return None, place


def _year(given: Sequence[Token], place: int) -> tuple[int | None, int]:
    at = place
    while at < place + 2 and word_at(given, at) in (",", "of", "in", "."):
        at += 1
    if at < len(given) and given[at].is_year and word_at(given, at + 1) != "%":
        return int(given[at].number), at + 1
    return None, place


def times(given: Sequence[Token], place: int) -> tuple[Token, int] | None:
    token, word = given[place], word_at(given, place)
    if word in ("noon", "midday", "midnight"):
        minutes = 0 if word == "midnight" else 720
        return Token("time", clock(minutes), minutes=frozenset({minutes})), 1
    at = place + 1
    if word in ("half", "quarter") or (token.kind == "number" and word_at(given, at) in ("past", "to")):
        return _past(given, place)
    if token.kind == "time" or (token.kind == "number" and token.number.denominator == 1 and 0 <= token.number <= 24):
        minutes = min(token.minutes) if token.kind == "time" else int(token.number) * 60
        return _of_day(given, place, minutes)
    if token.kind == "number" and token.text != str(token.number.numerator) and 0 < token.number < 13:
        hundredths = 100 * (token.number % 1)  # "2.30 pm"
        if hundredths.denominator == 1 and hundredths < 60 and word_at(given, at) in ("am", "pm"):
            return _of_day(given, place, int(token.number) * 60 + int(hundredths))
    return None


def _of_day(given: Sequence[Token], place: int, minutes: int) -> tuple[Token, int] | None:
    """The time that "am", "pm" or "o'clock" make of an hour."""
    clocked = word_at(given, place + 1) == "oclock"
    half, end = _half(given, place + 1 + clocked, minutes)
    if half:
        minutes = minutes % 720 + (720 if half == "pm" else 0)
        return Token("time", clock(minutes), minutes=frozenset({minutes})), end - place
    if clocked:
        return Token("time", clock(minutes), minutes=_both_halves(minutes)), 2
    return None


def _half(given: Sequence[Token], place: int, minutes: int) -> tuple[str, int]:
    """Which half of the day is said here, "" for none, and where it ends: "pm", "in the evening", "at night"."""
    words = [word_at(given, at) for at in range(place, place + 3)]
    if words[0] in ("am", "pm"):
        return words[0], place + 1
    if words[:2] == ["in", "the"] and words[2] in ("morning", "afternoon", "evening") and 0 < minutes <= 780:
        return "am" if words[2] == "morning" else "pm", place + 3
    if words[:2] == ["at", "night"] and 0 < minutes <= 780:
        return "pm" if 300 < minutes < 720 else "am", place + 2
    return "", place


def _past(given: Sequence[Token], place: int) -> tuple[Token, int] | None:
    token, word = given[place], word_at(given, place)
    way, hour = word_at(given, place + 1), given[place + 2] if place + 2 < len(given) else None
    if way not in ("past", "to") or hour is None or hour.kind != "number" or not 1 <= hour.number <= 12:
        return None
    part = {"half": Fraction(30), "quarter": Fraction(15)}.get(word, token.number)
    if token.kind == "number" and token.number in (Fraction(1, 2), Fraction(1, 4)):
        part = 60 * token.number
    if part.denominator != 1 or not 0 < part < 60:
        return None
    if token.kind == "number" and way == "to" and token.number < hour.number and token.number >= 1:
        return None  # "3 to 5" is a range; see `instill.measure.judging.amounts.ranges`
    minutes = int(hour.number * 60 + (part if way == "past" else -part)) % 1440
    half, end = _half(given, place + 3, minutes)
    if half:
        minutes = minutes % 720 + (720 if half == "pm" else 0)
        return Token("time", clock(minutes), minutes=frozenset({minutes})), end - place
    return Token("time", clock(minutes), minutes=_both_halves(minutes)), 3


def _both_halves(minutes: int) -> frozenset[int]:
    return frozenset({minutes % 1440, (minutes + 720) % 1440})
