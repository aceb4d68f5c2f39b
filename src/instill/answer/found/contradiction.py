"""Documents that answer one question with two amounts: "30 days" in the terms, "14 days" in the FAQ.

`versions.py` finds old and new texts in the same words; here the words differ, and the reader says that both answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from instill.answer.asked.compared_things import sides_of
from instill.answer.asked.kind_of_answer import Question
from instill.answer.asked.side_by_side import side_by_side
from instill.answer.asked.units import unit_behind
from instill.answer.found.chosen_piece import Chosen
from instill.answer.terms import terms
from instill.common.place_in_words import short_name

LEAST_ANSWERABLE = 0.4
"""Least belief (logit) that the other piece answers too."""

FURTHEST = 2.2
"""How much less (logit) the other piece may be believed to answer than the best one."""

LEAST_SHARED = 2
"""Least number of the question's words that both pieces have."""

LEAST_WEIGHT = 0.5
"""Least share of the weight of the question's words in the best piece that the other one has as well."""

_AMOUNT = re.compile(r"(?<![\w.,-])\d[\d.,'\u202f\u00a0]*")
_PARTS = re.compile(r"[,;]\s|\s(?:and|or)\s")
_WORDS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "twelve": "12", "fourteen": "14", "fifteen": "15", "twenty": "20", "thirty": "30",
    "sixty": "60", "ninety": "90",
}  # fmt: skip
_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b", re.IGNORECASE)
_MONEY_BEFORE = re.compile(r"(?:(?P<sign>[€$£])|\b(?P<code>EUR|USD|GBP|CHF))\s?$")
_SCALED = re.compile(r"(?:(?P<letter>[kmKM])|\s?(?P<word>thousand|million|billion))\b")
_SCALES = {"k": 3, "m": 6, "thousand": 3, "million": 6, "billion": 9}
_FREE = re.compile(r"\b(?:free(?! of\b)|free of charge|no charge|gratis|costs? nothing)\b", re.IGNORECASE)
_MONEY = {"€": "eur", "$": "usd", "£": "gbp"}


def amount_of(words: str) -> tuple[str, str] | None:
    """The first amount with a unit, as its digits and its unit; None without one. "$4k" is four thousand.

    Example:
        >>> amount_of("within thirty days of receipt"), amount_of("€ 1,200.50 a year"), amount_of("section 4")
        (('30', 'day'), ('1200.50', 'eur'), None)
        >>> amount_of("$4k per teammate"), amount_of("2.5 million EUR"), amount_of("5 m of rope")
        (('4000', 'usd'), ('2500000', 'eur'), ('5', 'm'))
    """
    digits = _WORD.sub(lambda match: _WORDS[match.group().lower()], words)
    for match in _AMOUNT.finditer(digits):
        number = match.group().rstrip(".,'")
        before = _MONEY_BEFORE.search(digits[: match.start()])
        money = (_MONEY.get(before["sign"] or "") or (before["code"] or "").lower()) if before else ""
        end = match.start() + len(number)
        scaled = _SCALED.match(digits, end)
        if scaled and scaled["letter"] and not money:
            scaled = None  # "5m of rope"
        unit = unit_behind(digits, scaled.end() if scaled else end) or money
        if unit:
            plain = re.sub(r"(?<=\d)[,'\u202f\u00a0](?=\d{3})", "", number)
            return _times(plain, _SCALES[scaled[0].strip().lower()]) if scaled else plain, unit
    return ("0", "") if _FREE.search(words) else None


def _times(number: str, zeros: int) -> str:
    """A decimal number times a power of ten, in digits."""
    whole, _, fraction = number.partition(".")
    shifted = f"{whole}{fraction[:zeros].ljust(zeros, '0')}".lstrip("0") or "0"
    return f"{shifted}.{fraction[zeros:]}" if fraction[zeros:] else shifted


def contradictions(
    question: Question, chosen: Sequence[Chosen], weights: Mapping[str, float]
) -> list[tuple[Chosen, str]]:
    """The best piece and those of other documents that answer with another amount of the same unit, each with its
    words for it; empty where the documents agree, where no amount is asked for, or where things are compared, each of
    which has its own.

    Args:
        weights: the question's terms by rarity. A price of spectators is no other price of dogs.
    """
    if {"list", "manner", "reason"} & set(question.wanted) or not chosen or sides_of(question.text):
        return []
    best = chosen[0]
    own, said = _amount(best)
    if own is None or best.answerable < LEAST_ANSWERABLE:
        return []
    met = [(best, said)]
    for other in chosen[1:]:
        amount, words = _amount(other)
        if (
            amount is None
            or other.piece.hit.doc_id == best.piece.hit.doc_id
            or other.answerable < max(LEAST_ANSWERABLE, best.answerable - FURTHEST)
            or not _of_one_thing(question, best, other, weights)
            or _of_two_things(side_by_side(question.text), best, other)
        ):
            continue
        if _same_kind(amount, own) and amount[0] != own[0]:
            met.append((other, words))
    return met if len(met) > 1 else []


def told_of(met: Sequence[tuple[Chosen, str]]) -> str:
    """The notice: which document says what; "" where none differ."""
    if not met:
        return ""
    names = names_apart([(piece.piece.hit.title, piece.piece.hit.source) for piece, _ in met])
    each = [f"{words} ({name})" for (_, words), name in zip(met, names, strict=True)]
    return f"The documents give different answers: {', '.join(each[:-1])} and {each[-1]}."


def names_apart(documents: Sequence[tuple[str, str]]) -> list[str]:
    """A name for each document, of its title and its source: the file's name where no two are the same, else the title,
    else as much of the end of the path as tells them apart.

    Example:
        >>> names_apart([("Fees", "a/fees.md"), ("Fees", "a/faq.md")])
        ['fees.md', 'faq.md']
        >>> names_apart([("Fees", "a/prices.md"), ("Questions", "b/prices.md")])
        ['Fees', 'Questions']
        >>> names_apart([("", "x/a/b/index.md"), ("", "x/c/b/index.md")])
        ['a/b/index.md', 'c/b/index.md']
    """
    parts = [source.split("/") for _, source in documents]
    wanted = len(set(map(tuple, parts)))
    files = [short_name(source) for _, source in documents]
    titles = [title for title, _ in documents]
    if len(set(files)) == wanted:
        return files
    if all(titles) and len(set(titles)) == wanted:
        return titles
    depth = next(
        depth for depth in range(2, 1 + max(map(len, parts))) if len({tuple(p[-depth:]) for p in parts}) == wanted
    )
    return ["/".join(path[-depth:]) for path in parts]


def _of_two_things(things: Sequence[frozenset[str]], best: Chosen, other: Chosen) -> bool:
    """Do the words around the two amounts name different things of those that the question names side by side?"""
    one, two = ({place for place, thing in enumerate(things) if thing & _around(each)} for each in (best, other))
    return bool(one and two and not one & two)


def _around(each: Chosen) -> set[str]:
    """The terms of the line that the marked amount stands in; of its own part where the line has several amounts."""
    text = each.piece.text
    place = each.reading.start if each.reading else 0
    start = text.rfind("\n", 0, place) + 1
    line = text[start:].partition("\n")[0]
    if len(_AMOUNT.findall(line)) > 1:
        cuts = [0, *(match.end() for match in _PARTS.finditer(line)), len(line)]
        line = next((line[a:b] for a, b in pairwise(cuts) if a <= place - start < b), line)
    return set(terms(line))


def _same_kind(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Have they one unit? What is free costs none of any money."""
    if ("0", "") in (one, other):
        return bool({one[1], other[1]} & set(_MONEY.values()))
    return one[1] == other[1]


def _amount(each: Chosen) -> tuple[tuple[str, str] | None, str]:
    reading = each.reading
    if reading is None or reading.start >= reading.end:
        return None, ""
    text = each.piece.text
    amount = amount_of(f"{text[reading.start : reading.end]}{text[reading.end : reading.end + 12]}")
    if amount is None:
        return None, ""
    return amount, "free" if amount == ("0", "") else f"{amount[0]} {_plural(*amount)}"


def _plural(number: str, unit: str) -> str:
    if unit == "person":
        return unit if number == "1" else "people"
    if len(unit) == 3 and unit in ("eur", "usd", "gbp", "chf"):
        return unit.upper()
    return f"{unit}s" if number != "1" and len(unit) > 2 else unit


def _of_one_thing(question: Question, best: Chosen, other: Chosen, weights: Mapping[str, float]) -> bool:
    own, shared = (
        set(question.terms) & set(terms(f"{each.piece.headings} {each.piece.text}")) for each in (best, other)
    )
    shared &= own
    if "yesno" in question.wanted:
        return shared == own
    weight = sum(weights.get(term, 0.0) for term in own)
    return len(shared) >= LEAST_SHARED and sum(weights.get(term, 0.0) for term in shared) >= LEAST_WEIGHT * weight
