"""Which kind of value a question asks for, and whether an answer has one: no year is a town."""

from __future__ import annotations

import re
from typing import Literal, cast

from instill.answer.asked.kind_of_answer import read_question, shows
from instill.answer.terms import normalise, terms

Kind = Literal["number", "date", "person", "place"]
"""A person here is whoever acts: a company too."""

_KINDS = frozenset({"number", "date", "person", "place"})

_NOUNS: tuple[tuple[Kind, str], ...] = (
    ("date", "year|date|day|month|birthday|deadline"),
    ("place", "birthplace|place|home ?town|town|city|village|country|location|address"),
    ("number", "price|cost|fee|fare|salary|population|height|weight|length|age"),
    ("person", "employer|company|firm|manager|director|owner|founder|author|boss|chief|head"),
)
_BETWEEN = r"(?: (?!(?:of|to|in|for|at|from|by|on|with)\b)[\w'’.-]+){0,5}?"
_ENDS = r"(?= (?:of|for|in|at|to|on|by|when|where|that)\b|\W*$)"
_ASKED = tuple(
    (kind, re.compile(rf"\b(?:what|which|who|name)\b{_BETWEEN} (?:{nouns}){_ENDS}")) for kind, nouns in _NOUNS
)
_WHICH_COMPANY = re.compile(r"\b(?:what|which) (?:company|firm|employer|organi[sz]ation)\b")

_TIME = re.compile(
    r"\d|\b(?:second|minute|hour|day|night|week|weekend|month|quarter|year|morning|noon|afternoon|evening|midnight|"
    r"always|never|immediately|now|soon|once|before|after|during|until|when|as soon as|yearly|monthly|weekly|daily)s?\b"
)


def kinds_wanted(question: str) -> frozenset[Kind]:
    """The kinds of value that a question asks for; none where its words do not say.

    Example:
        >>> sorted(kinds_wanted("What is the year of birth of Ann?")), sorted(kinds_wanted("Where was Ann born?"))
        (['date'], ['place'])
        >>> sorted(kinds_wanted("Which company employs Ann?")), sorted(kinds_wanted("What is the colour of it?"))
        (['person'], [])
    """
    found = {cast(Kind, kind) for kind in read_question(question).wanted if kind in _KINDS}
    plain = " ".join(normalise(question).split())
    if found:
        return frozenset(found)
    if _WHICH_COMPANY.search(plain):
        return frozenset({"person"})
    return frozenset([kind for kind, pattern in _ASKED if pattern.search(plain)][:1])


def has_kind_wanted(question: str, answer: str) -> bool:
    """Does the answer have a value of the kind that is asked for? Any does where the question does not say which.

    A date is a time in any words, a number may be a time too, and who and where are words that the question lacks.

    Example:
        >>> year = "What is the year of birth of Ann?"
        >>> has_kind_wanted(year, "Koralla"), has_kind_wanted(year, "in 1929")
        (False, True)
        >>> has_kind_wanted("Where was Ann born?", "1929"), has_kind_wanted("Who helps?", "the head of department")
        (False, True)
    """
    kinds = kinds_wanted(question)
    return not kinds or any(_has(kind, question, answer) for kind in kinds)


def _has(kind: Kind, question: str, answer: str) -> bool:
    if kind in ("date", "number"):
        in_time = bool(_TIME.search(normalise(answer)))
        return in_time or shows(kind, read_question(question), answer)
    fresh = set(terms(answer, keep_stop=True)) - set(terms(question, keep_stop=True))
    return any(not any(character.isdigit() for character in term) for term in fresh)
