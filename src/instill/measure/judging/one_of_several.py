"""Whether a value is one of several that a reply offers."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from instill.measure.judging.same_value import comparable, places
from instill.measure.judging.sentences import Sentence
from instill.measure.judging.text import word_set
from instill.measure.judging.word_tokens import Token

_LINKS = word_set("in on at by the a an of from with for since to either is it was year")
_VERBS = word_set(
    "is was are were be has have had do does did will would can could may might must should lies stands lives "
    "holds makes made built stood lived held became began opened went came says said"
)
_JOINS = word_set("or and / , ; | & plus nor")
_PLACES = word_set("where place city town village located live lives lived born address come comes from")
_MOST_WORDS = 4  # Words of an item of a bare list.
_FEWEST_LINES = 3  # Two may be an answer and a remark.


def is_listed(
    tokens: Sequence[Token],
    own: Sentence,
    first: int,
    last: int,
    wanted: Sequence[Token],
    asked: Collection[str] = (),
) -> bool:
    """Whether what stands from `first` to `last` is one of several values."""
    if _in_bare_list(tokens, first, last, wanted, asked):
        return True
    return any(_beside(tokens, own, first, last, step, wanted) for step in (1, -1))


def _beside(
    tokens: Sequence[Token], own: Sentence, first: int, last: int, step: int, wanted: Sequence[Token],
) -> bool:  # fmt: skip
    """Whether another value stands directly after (`step` 1) or before (-1), joined to this one."""
    place = (last if step > 0 else first) + step
    if step < 0:  # "in 1922 or in 1923"
        while place >= own.first and tokens[place].kind == "word" and tokens[place].text in _LINKS:
            place -= 1
    joins: list[str] = []
    while own.first <= place <= own.last and tokens[place].text in _JOINS:
        joins.append(tokens[place].text)
        place += step
    value = next((token for token in tokens[first : last + 1] if token.is_value), None)
    if not joins and own.first <= place <= own.last and value is not None:  # "1921 1922 1923"
        return abs(place - (last if step > 0 else first)) == 1 and _is_other(tokens[place], value)
    if not joins or not own.first <= place <= own.last:
        return False
    if "or" in joins or "/" in joins or "nor" in joins:
        return True
    while step > 0 and place <= own.last and tokens[place].text in {*_LINKS, "also", "again", "then", "maybe"}:
        place += 1
    if not own.first <= place <= own.last:
        return False
    other = tokens[place]
    if value is not None:
        return _is_other(other, value) and _may_list(joins, value, tokens, place, own)
    if other.is_value:
        return False
    return _names_listed(tokens, own, first, last, step, joins, place, wanted)


def _is_other(other: Token, value: Token) -> bool:
    return comparable(other, value) and other.text != value.text


def _may_list(joins: Sequence[str], value: Token, tokens: Sequence[Token], place: int, own: Sentence) -> bool:
    """Two years after a comma are a list; "in room 12, 30 people" is none."""
    if "and" in joins or "&" in joins or ";" in joins or value.kind != "number" or value.is_year:
        return True
    after = tokens[place + 1] if place < own.last else None
    return after is None or after.kind == "mark" or after.text in _JOINS


def _names_listed(
    tokens: Sequence[Token], own: Sentence, first: int, last: int, step: int, joins: Sequence[str], place: int,
    wanted: Sequence[Token],
) -> bool:  # fmt: skip
    """Marta and Ove; Ove, Lena and Marta; oak, pine or beech."""
    items = _chain(tokens, own, first, last)
    if "or" in items.joins:
        return True
    names = any(token.capital for token in wanted) or tokens[first].capital
    if names:
        if not tokens[place].capital:
            return False
        if "and" in joins or "&" in joins:
            return step < 0 or not _clause_follows(tokens, own, place, "," in joins)
        return len(items.sizes) >= 3 and "and" in items.joins
    if "and" in items.joins and len(items.sizes) >= 3:
        return True
    if "and" in joins and step > 0:
        return place == own.last
    return False


def _clause_follows(tokens: Sequence[Token], own: Sentence, place: int, comma: bool) -> bool:
    """Whether what is joined goes on as a sentence of its own: ", and Ove painted it"."""
    while place <= own.last and tokens[place].capital:
        place += 1
    if place > own.last or tokens[place].kind == "mark":
        return False
    return comma and (tokens[place].text in _VERBS or tokens[place].text.endswith(("ed", "s")))


class _Items:
    """The items of the list, as far as commas and joins go without a longer text between them."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.joins: set[str] = set()


def _chain(tokens: Sequence[Token], own: Sentence, first: int, last: int) -> _Items:
    found = _Items()
    found.sizes.append(last - first + 1)
    for step in (1, -1):
        place = (last if step > 0 else first) + step
        while own.first <= place <= own.last:
            joins: list[str] = []
            while own.first <= place <= own.last and tokens[place].text in _JOINS:
                joins.append(tokens[place].text)
                place += step
            if not joins:
                break
            size = 0
            while own.first <= place <= own.last and tokens[place].kind != "mark" and tokens[place].text not in _JOINS:
                if tokens[place].text in _VERBS or size >= _MOST_WORDS:
                    break
                size, place = size + 1, place + step
            if not size:
                break
            if step > 0 and own.first <= place <= own.last and tokens[place].text in _VERBS:
                size = 0
                break
            found.sizes.append(size)
            found.joins |= set(joins)
    return found


def _in_bare_list(
    tokens: Sequence[Token], first: int, last: int, wanted: Sequence[Token], asked: Collection[str]
) -> bool:
    """Whether the whole reply is short items and nothing else, and this is one of them."""
    items: list[list[int]] = [[]]
    marks: set[str] = set()
    lines = _are_items(tokens)
    for place, token in enumerate(tokens):
        if token.kind == "mark" and token.text in ".!" and place == len(tokens) - 1:
            continue
        if token.text in _JOINS or (token.kind == "mark" and token.text in ".;") or (lines and token.text == "\n"):
            marks.add(token.text)
            items.append([])
        elif token.kind != "mark":
            items[-1].append(place)
    items = [item for item in items if item]
    if len(items) < 2 or any(len(item) > _MOST_WORDS for item in items):
        return False
    if any(tokens[place].text in _VERBS for item in items for place in item):
        return False
    holding = [item for item in items if item[0] <= last and first <= item[-1]]
    alike = _alike(tokens, items)
    if len(holding) != 1 or (marks <= {"."} and not alike):
        return False
    if marks <= {","} and len(items) == 2 and not alike and not _rivals(tokens, items, asked):
        return False
    rest = [item for item in items if item is not holding[0]]
    shown = [[tokens[place] for place in item] for item in rest]
    return not all(next(places(each, wanted), None) is not None for each in shown)


def _are_items(tokens: Sequence[Token]) -> bool:
    """Whether the lines are the items: three or more, and none that says something about another ("Source: ...")."""
    ends = [place for place, token in enumerate(tokens) if token.text == "\n"]
    lines = [tokens[start:end] for start, end in zip([0, *ends], [*ends, len(tokens)], strict=True)]
    filled = [line for line in lines if any(token.kind != "mark" for token in line)]
    return len(filled) >= _FEWEST_LINES and not any(token.text in (":", "!", "?") for token in tokens)


def _rivals(tokens: Sequence[Token], items: Sequence[Sequence[int]], asked: Collection[str]) -> bool:
    """Whether two names are two answers: "Paris, London", and not "Paris, France" where it was asked about France."""
    names = all(tokens[place].capital for item in items for place in item)
    known = any(tokens[place].text in asked for item in items for place in item)
    return names and not known and not _PLACES & set(asked)


def _alike(tokens: Sequence[Token], items: Sequence[Sequence[int]]) -> bool:
    """Whether all items have a value of one kind."""
    values = [next((tokens[place] for place in item if tokens[place].is_value), None) for item in items]
    others = [sum(not tokens[at].is_value and tokens[at].text not in _LINKS for at in item) for item in items]
    return max(others) <= 1 and all(
        value is not None and values[0] is not None and comparable(value, values[0]) for value in values
    )
