"""Numbers with their units, and ranges: "five euros", "2 hours 30 minutes", "from 1914 to 1918"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from instill.measure.judging.number_and_unit_words import CURRENCIES, LONGEST_UNIT, SYMBOLS, UNITS, Unit
from instill.measure.judging.number_words import fraction_after
from instill.measure.judging.word_tokens import Token, word_at

_ONE = Fraction(1)


def amounts(given: Sequence[Token], place: int) -> tuple[Token, int] | None:
    """A number with its unit, or with its currency before it."""
    token, word = given[place], given[place].text
    after = place + 1
    if token.kind in ("word", "mark") and word in ("ad", "ce") and after < len(given) and given[after].kind == "number":
        return replace(given[after], joined=token.joined), 2
    before = _currency_before(given, place)
    if before:
        units, at = before
        number, end = _scaled(given, at)
        return Token("quantity", f"{number} {word}", number, units, joined=token.joined), end - place
    hour = _hour_and_a_half(given, place)
    if hour:
        return hour
    if token.kind != "number":
        return None
    if word_at(given, after) in ("ad", "ce"):
        return token, 2
    if word_at(given, after) == "-":
        after += word_at(given, after + 1) in UNITS and given[after].joined  # "a 30-day period"
    found = _unit(given, after)
    if found is None:
        return None
    name, units, end = found
    more = fraction_after(given, end)  # "an hour and a half", "two years and a half"
    number = token.number + (more[0] if more and name not in ("%", "°") else 0)
    end += more[1] if more and number != token.number else 0
    return Token("quantity", f"{number} {name}", number, units, joined=token.joined), end - place


def _currency_before(given: Sequence[Token], place: int) -> tuple[tuple[Unit, ...], int] | None:
    word, at = word_at(given, place), place + 1
    if word in ("us", "ca", "a") and word_at(given, at) == "$" and given[at].joined:
        word, at = f"{word}$", at + 1
    units = UNITS.get(word, ()) if word and (word[-1] in SYMBOLS or word in CURRENCIES) else ()
    numbered = at < len(given) and given[at].kind == "number"
    return (units, at) if units and numbered else None


def _scaled(given: Sequence[Token], place: int) -> tuple[Fraction, int]:
    """$5m and 5 million dollars."""
    number, at = given[place].number, place + 1
    scale = {"m": 10**6, "b": 10**9}.get(word_at(given, at), 0)
    return (number * scale, at + 1) if scale and given[at].joined else (number, at)


def _hour_and_a_half(given: Sequence[Token], place: int) -> tuple[Token, int] | None:
    if word_at(given, place) not in ("a", "an") or word_at(given, place + 1) not in UNITS:
        return None
    more, units = fraction_after(given, place + 2), UNITS[word_at(given, place + 1)]
    name = word_at(given, place + 1)
    if more:
        return Token("quantity", f"{1 + more[0]} {name}", 1 + more[0], units, joined=given[place].joined), 2 + more[1]
    return Token("quantity", f"1 {name}", _ONE, units, joined=given[place].joined), 2


def _unit(given: Sequence[Token], place: int) -> tuple[str, tuple[Unit, ...], int] | None:
    """The longest unit that stands here, with where it ends."""
    if word_at(given, place) == "°" and word_at(given, place + 1) in ("c", "f"):
        name = f"°{word_at(given, place + 1)}"
        return name, UNITS[name], place + 2
    for length in range(LONGEST_UNIT, 0, -1):
        words = [word_at(given, at) for at in range(place, place + length)]
        name = " ".join(words)
        if all(words) and name in UNITS:
            return _per(given, name, UNITS[name], place + length)
    if word_at(given, place) in ("us", "c") and word_at(given, place + 1) == "$":
        return "$", UNITS["$"], place + 2
    if word_at(given, place + 1) in ("^",) and place + 2 < len(given):
        name = f"{word_at(given, place)}{given[place + 2].text}"
        return (name, UNITS[name], place + 3) if name in UNITS else None
    return None


def _per(given: Sequence[Token], name: str, units: tuple[Unit, ...], end: int) -> tuple[str, tuple[Unit, ...], int]:
    """A length by a time is a speed."""
    if not any(dimension == "length" for dimension, _ in units) or word_at(given, end) not in ("/", "per", "an"):
        return name, units, end
    time = [factor for dimension, factor in UNITS.get(word_at(given, end + 1), ()) if dimension == "time"]
    length = [factor for dimension, factor in units if dimension == "length"]
    if not time:
        return name, units, end
    return f"{name}/{word_at(given, end + 1)}", (("speed", length[0] / time[0]),), end + 2


def compound(given: Sequence[Token], place: int) -> tuple[Token, int] | None:
    """Two hours and thirty minutes; 5 ft 3 in."""
    found, used = given[place], 1
    while found.kind == "quantity":
        at = place + used
        at += word_at(given, at) in ("and", ",")
        if at >= len(given) or given[at].kind != "quantity":
            break
        smaller = _added(found, given[at])
        if smaller is None:
            break
        found, used = smaller, at + 1 - place
    return (found, used) if used > 1 else None


def _added(large: Token, small: Token) -> Token | None:
    for dimension, factor in large.units:
        for other, less in small.units:
            if dimension == other and less < factor and small.number * less < factor and large.number > 0:
                number = large.number * factor + small.number * less
                return replace(
                    large, text=f"{large.text} {small.text}", number=number, units=((dimension, Fraction(1)),)
                )
    return None


def ranges(given: Sequence[Token], place: int) -> tuple[Token, int] | None:
    """15-20; 15 to 20; from 1914 to 1918; between 15 and 20."""
    lead = word_at(given, place)
    at = place + (lead in ("from", "between"))
    if at + 2 >= len(given) or not given[at].is_value or given[at].kind == "range" or not given[at + 2].is_value:
        return None
    between = word_at(given, at + 1)
    links = {"from": ("to", "until", "till", "-", "–"), "between": ("and", "-", "–")}.get(lead, ("to", "-", "–", "—"))
    first, last = given[at], given[at + 2]
    if first.is_year and between in ("-", "–") and last.kind == "number" and last.text.isdigit() and last.number < 100:
        whole = first.number - first.number % 100 + last.number  # "1923-24"
        last = replace(last, number=whole, text=str(whole))
    if between not in links or (first.kind != last.kind and first.kind not in ("number", "date")):
        return None
    if first.kind == "number" and last.kind == "quantity":
        first = replace(last, number=first.number, text=first.text)
    if first.kind == "number" and last.kind == "number" and between != "and" and first.number >= last.number:
        return None
    text = f"{first.text} to {last.text}"
    minutes = _minutes_to(first, last) if lead == "" and between == "to" else frozenset()
    found = Token(
        "range", text, minutes=minutes, ends=(first, last), spelled=lead == "from", joined=given[place].joined
    )
    return found, at + 3 - place


def _minutes_to(first: Token, last: Token) -> frozenset[int]:
    """ "Five to nine" may be a time."""
    if (
        first.kind != "number"
        or last.kind != "number"
        or first.number not in (5, 10)
        or last.number not in range(1, 13)
    ):
        return frozenset()
    minutes = int(60 * last.number - first.number)
    return frozenset({minutes, minutes + 720})
