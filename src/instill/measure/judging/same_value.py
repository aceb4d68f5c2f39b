"""Whether two values mean the same, and where one text's words stand in another's."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction

from instill.measure.judging.number_and_unit_words import CURRENCIES, HINTS, UNITS
from instill.measure.judging.text import word_set
from instill.measure.judging.word_tokens import ARTICLES, Token

_AT = word_set("in on at by")
_APPROXIMATE = word_set("about around approximately approx roughly circa ca some")


def content(tokens: Sequence[Token]) -> list[int]:
    """Places of what is compared: neither marks nor articles, unless there is nothing else.

    Example:
        >>> from instill.measure.judging.values import tokens_of
        >>> content(tokens_of("The Hague, of course."))
        [1, 3, 4]
    """
    words = [place for place, token in enumerate(tokens) if token.kind != "mark"]
    return [place for place in words if tokens[place].text not in ARTICLES] or words


def same(expected: Token, said: Token, asked: Collection[str] = ()) -> bool:
    """Whether what is said is what was expected, or says it more closely: a day of the expected year.

    Args:
        asked: words of the question. They may say the unit that one of both leaves out.

    Example:
        >>> from instill.measure.judging.values import tokens_of
        >>> same(*tokens_of("90 min"), *tokens_of("1.5 hours")), same(*tokens_of("30 days"), *tokens_of("30"))
        (True, False)
        >>> same(*tokens_of("30 days"), *tokens_of("30"), {"how", "many", "days"})
        True
    """
    if expected.kind == "date" and said.kind == "date":
        return any(_covers(wanted, day) for wanted in expected.days for day in said.days)
    if expected.kind == "number" and said.kind == "date":
        return expected.is_year and any(day[0] == expected.number for day in said.days)
    if expected.kind == "quantity" and said.kind == "quantity":
        return any(
            dimension == other and expected.number * factor == said.number * by
            for dimension, factor in expected.units
            for other, by in said.units
        )
    shares = _share_of(expected), _share_of(said)
    if None not in shares and expected.kind != said.kind:
        return shares[0] == shares[1]
    if expected.kind == "quantity" and said.kind == "number":
        return expected.number == said.number and _names(asked, expected)
    if expected.kind == "number" and said.kind == "quantity":
        return expected.number == said.number and _may_add(asked, said)
    if "time" in (expected.kind, said.kind):
        return bool(expected.minutes & said.minutes)
    if expected.kind == "range" and said.kind == "range":
        return all(same(one, other, asked) for one, other in zip(expected.ends, said.ends, strict=True))
    if said.kind == "range":
        return said.spelled and expected.is_value and any(same(expected, end, asked) for end in said.ends)
    if expected.kind != said.kind:
        return False
    return expected.number == said.number if expected.kind in ("number", "ordinal") else expected.text == said.text


def comparable(one: Token, other: Token) -> bool:
    """Whether both are values of one kind, so that only one of them can be the answer."""
    if "range" in (one.kind, other.kind):
        return one.is_value and other.is_value
    if {one.kind, other.kind} <= {"date", "number"}:
        years = [token.is_year or token.kind == "date" for token in (one, other)]
        return years[0] == years[1]
    if one.kind == other.kind == "quantity":
        return any(dimension == other_ for dimension, _ in one.units for other_, _ in other.units)
    return one.kind == other.kind and one.is_value


def places(said: Sequence[Token], wanted: Sequence[Token], asked: Collection[str] = ()) -> Iterator[tuple[int, int]]:
    """Where `wanted` stands in `said`: its first and its last place.

    A word for "about" before an expected number may be missing or another one, and so may "in", "on", "at", "by".
    """
    own = [wanted[place] for place in content(wanted)]
    while len(own) > 1 and (own[0].text in _AT or (own[0].text in _APPROXIMATE and own[1].is_value)):
        own = own[1:]
    order = content(said)
    for start in range(len(order) - len(own) + 1 if own else 0):
        if all(same(one, said[order[start + offset]], asked) for offset, one in enumerate(own)):
            yield order[start], order[start + len(own) - 1]


def whole(said: Sequence[Token], wanted: Sequence[Token], asked: Collection[str] = ()) -> bool:
    """Whether both say the same and nothing else."""
    ours, theirs = content(said), content(wanted)
    if not ours or len(ours) != len(theirs):
        return False
    return all(same(wanted[one], said[other], asked) for one, other in zip(theirs, ours, strict=True))


def is_approximate(token: Token) -> bool:
    """Whether it is a word for "about"."""
    return token.kind == "word" and token.text in _APPROXIMATE


def _share_of(token: Token) -> Fraction | None:
    """Half is 50%."""
    if token.kind == "quantity" and any(dimension == "share" for dimension, _ in token.units):
        return token.number / 100
    return token.number if token.kind == "number" and 0 < token.number < 1 else None


def _covers(wanted: tuple[int | None, ...], day: tuple[int | None, ...]) -> bool:
    return all(part is None or part == own for part, own in zip(wanted, day, strict=True))


def _dimensions(token: Token) -> set[str]:
    return {dimension for dimension, _ in token.units}


def _names(asked: Collection[str], quantity: Token) -> bool:
    """Whether the question says in what the answer is counted."""
    for dimension in _dimensions(quantity):
        hints = HINTS.get("money" if dimension in CURRENCIES else dimension, frozenset())
        if hints & set(asked):
            return True
        if any((dimension, factor) in UNITS.get(word, ()) for word in asked for _, factor in quantity.units):
            return True
    return False


def _may_add(asked: Collection[str], said: Token) -> bool:
    """Whether a reply may add its unit to an expected number: not another one than was asked for."""
    own = _dimensions(said)
    if "share" in own:
        return bool(HINTS["share"] & set(asked))
    named = [unit for word in asked if len(word) > 2 for unit in UNITS.get(word, ()) if unit[0] in own]
    return not named or any(unit in said.units for unit in named)
