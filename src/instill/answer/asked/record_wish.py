"""What a question wants of records: those that meet it, the highest of them, how many, a sum, a mean, a difference."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from instill.answer.asked.adjectives import Measures, adjective_of, measures_of, of_anything
from instill.answer.terms import terms, word_set

Kind = Literal["rows", "extreme", "count", "sum", "mean", "compared", "changed"]

_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "second": 2, "third": 3, "fourth": 4, "fifth": 5, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5,
}  # fmt: skip
_NUMBER = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten)"
_ORDINAL = r"(?:second|third|fourth|fifth|2nd|3rd|4th|5th)"
_MOST = re.compile(
    rf"(?:\b(?P<place>{_ORDINAL})[ -])?(?:\b(?P<count>{_NUMBER}) )?"
    r"\b(?P<more>most|least)[ -](?P<adjective>[a-z]+)\b",
    re.IGNORECASE,
)
_EST = re.compile(
    rf"(?:\b(?P<place>{_ORDINAL})[ -])?(?:\b(?P<count>{_NUMBER}) )?\b(?P<adjective>[a-z]+est)\b", re.IGNORECASE
)
_OF_ALL = re.compile(
    r"\b(?P<which>most|fewest|least|highest|lowest|greatest|largest|biggest|smallest|maximum|minimum|maximal|minimal)\s+"
    r"(?:(?:number|amount|share) of )?(?P<noun>[a-z][\w-]*(?: [a-z][\w-]*)?)",
    re.IGNORECASE,
)
_TOP = re.compile(
    rf"\b(?P<which>top|bottom|first|last) (?P<count>{_NUMBER})\b(?=.*\bby (?P<noun>[\w -]+))|"
    rf"\b(?P<which2>top|bottom) (?P<count2>{_NUMBER})\b",
    re.IGNORECASE,
)
_BY = re.compile(r"\bby (?:(?:the|their|its) )?[\w -]+", re.IGNORECASE)
_VERB_MOST = re.compile(r"\b(?P<verb>[a-z]+) (?:the )?(?P<which>most|least)\W*$", re.IGNORECASE)
_JOINED = re.compile(r"\b(?P<verb>\w+(?:ed|t|n|e))\b(?P<rest>.*)\b(?P<which>first|last)\W*$", re.IGNORECASE)
_STAYED = re.compile(
    r"\b(?:been (?:here|with (?:us|the \w+)|there|in the \w+|a(?:n)? \w+|employed)|worked (?:here|for (?:us|the \w+))"
    r"|served|stayed|employed)\b",
    re.IGNORECASE,
)
_TOGETHER = re.compile(
    r"\b(?:all together|altogether|together|in total|in all(?=\W*$)|in sum|combined|overall|total(?: number)?(?: of)?"
    r"|sum(?: of)?|summed(?: up)?|add(?:s|ed)? up(?: to)?)\b",
    re.IGNORECASE,
)
_MEAN = re.compile(r"\b(?:on average|average|the mean)\b", re.IGNORECASE)
_MANY = re.compile(r"\bhow many (?P<noun>[^?]*)", re.IGNORECASE)
_ONLY = re.compile(
    r"^\W*(?:which|what|who)\b[^?,]*\b(?:is|are|was|were) the (?:\w+est|(?:most|least) \w+)\W*$", re.IGNORECASE
)
"""A question that asks for nothing but the superlative: "Which tile is the prettiest?" """
_NO_SUPERLATIVE = word_set(
    "request test rest guest interest west best forest invest honest modest contest suggest harvest nest quest chest "
    "protest manifest digest priest crest arrest latest earnest conquest ingest attest southwest northwest pest vest "
    "zest"
)
_SIGNS = {
    "most": 1,
    "highest": 1,
    "greatest": 1,
    "largest": 1,
    "biggest": 1,
    "maximum": 1,
    "maximal": 1,
    "top": 1,
    "first": 1,
}


@dataclass(frozen=True, slots=True)
class Extreme:
    """The first, or the first few, in an order.

    Args:
        words: how the question says it.
        direction: 1 for the highest first, -1 for the lowest; of what `noun` names.
        measures: what the adjective measures, with its own direction; empty where it is not known or names nothing.
        noun: terms of what is highest, "" where the adjective says it.
        anything: the adjective goes with any number.
        count: how many are asked for.
        place: which place: 1 the first, 2 the second.
        weak: words that may well ask for something else: "what must be run first?", "the most important rule".
    """

    words: str
    direction: int
    measures: Measures
    noun: tuple[str, ...] = ()
    anything: bool = False
    count: int = 1
    place: int = 1
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted; `rest` is the question without the words that say so, `noun` the terms of what is counted."""

    kind: Kind
    rest: str
    extreme: Extreme | None = None
    noun: tuple[str, ...] = ()
    words: str = ""


def wish_of(question: str) -> Wish:
    """What the question wants of records.

    Example:
        >>> wish_of("What is the cheapest panel that is in stock?").extreme.measures
        (('price', -1),)
        >>> wish = wish_of("Which are the top three projects by budget?")
        >>> wish.extreme.count, wish.extreme.noun, wish.rest
        (3, ('budget',), 'Which are the   projects  ?')
        >>> wish_of("What do the panels cost together?").kind, wish_of("How many rooms are there?").kind
        ('sum', 'count')
    """
    extreme = _extreme(question)
    if extreme is not None:
        rest = re.sub(r"\bthe\s+ones?\b", "the ", question.replace(extreme.words, " "))
        if _TOP.search(question):
            rest = _BY.sub(" ", rest)
        return Wish("extreme", _STAYED.sub(" ", rest) if _is_stay(extreme) else rest, extreme, words=extreme.words)
    mean = _MEAN.search(question)
    if mean:
        return Wish("mean", question.replace(mean.group(), " "), words=mean.group())
    together = _TOGETHER.search(question)
    if together:
        return Wish("sum", _TOGETHER.sub(" ", question), words=together.group().strip())
    many = _MANY.search(question)
    if many:
        return Wish("count", question, noun=tuple(terms(many["noun"])), words="how many")
    return Wish("rows", question)


def _extreme(question: str) -> Extreme | None:
    top = _TOP.search(question)
    if top:
        which = (top["which"] or top["which2"]).lower()
        noun = tuple(terms(top["noun"], keep_stop=True)) if top["noun"] else ()
        count = _count(top["count"] or top["count2"])
        direction = -1 if which in ("bottom", "last") else 1
        return Extreme(top.group(), direction, (), noun, not noun, count)
    stayed = _STAYED.search(question)
    for pattern in (_MOST, _EST):
        for match in pattern.finditer(question):
            word, more = match["adjective"].lower(), (match.groupdict().get("more") or "").lower()
            base = adjective_of(word, more, "est")
            if not base:
                continue
            wanted = measures_of(base, -1 if more == "least" else 1)
            if stayed and base in ("long", "short"):
                wanted = tuple(each for each in wanted if each[0] == "tenure")
            noun = _noun_behind(question[match.end() :]) if of_anything(base) else ()
            sign = wanted[0][1]
            return Extreme(match.group(), sign, wanted, noun, of_anything(base), *_places(match))
    for match in _OF_ALL.finditer(question):
        which = match["which"].lower()
        if re.search(r"\bat (?:the )?$", question[: match.start()], re.IGNORECASE):
            continue  # "at least 8 seats"
        direction = _SIGNS.get(which, -1)
        words = question[match.start() : match.start("noun")]
        return Extreme(words, direction, (), tuple(terms(match["noun"], keep_stop=True)))
    verb = _VERB_MOST.search(question)
    if verb:
        direction = 1 if verb["which"].lower() == "most" else -1
        return Extreme(question[verb.start() :].rstrip(" ?.!"), direction, (), tuple(terms(verb["verb"])), weak=True)
    joined = _JOINED.search(question)
    if joined:
        direction = -1 if joined["which"].lower() == "first" else 1
        words = question[joined.start("which") : joined.end("which")]
        return Extreme(words, direction, (), tuple(terms(joined["verb"])), weak=True)
    for match in _EST.finditer(question):
        if match["adjective"].lower() not in _NO_SUPERLATIVE:
            return Extreme(match.group(), 1, (), (), False, *_places(match), weak=not _ONLY.search(question))
    most = re.search(r"\bthe (?:most|least) ([a-z]+)\b", question, re.IGNORECASE)
    return Extreme(most.group(), 1, (), weak=not _ONLY.search(question)) if most else None


def _is_stay(extreme: Extreme) -> bool:
    return bool(extreme.measures) and all(name == "tenure" for name, _ in extreme.measures)


def _noun_behind(text: str) -> tuple[str, ...]:
    """The terms of the one or two words behind an adjective: "the highest yearly turnover of all"."""
    text = re.sub(r"^\s+ones?\b", "", text)  # "Which kiln is the smallest one?"
    match = re.match(
        r"\s+(?:(?:number|amount|share) of )?([a-z][\w-]*(?: (?!of|in|on|at|is|are|was|that|which|with)[a-z][\w-]*)?)",
        text,
    )
    return tuple(terms(match.group(1), keep_stop=True)) if match else ()


def _places(match: re.Match[str]) -> tuple[int, int]:
    return _count(match["count"]) if match["count"] else 1, _WORDS[match["place"].lower()] if match["place"] else 1


def _count(text: str) -> int:
    return int(text) if text.isdigit() else _WORDS[text.lower()]
