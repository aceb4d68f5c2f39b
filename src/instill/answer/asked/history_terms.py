"""Which words of the user's earlier turns a follow-up leaves unsaid: two logistic functions of a few counted signs.

The first says how likely the question leaves something unsaid at all, the second which words that is. Term selection
in the manner of QuReTeC (Voskarides et al., "Query resolution for conversational search with limited supervision",
SIGIR 2020), with counted signs in place of a language model. Fitted by `python bench/conversation.py --data DIR --fit`
on the questions of TREC CAsT 2019 and 2020 that people rewrote (a word is wanted when the rewrite holds it and the
question does not) and, for questions that leave nothing unsaid, on successive questions of SQuAD 2. The benchmark
prints each year's figures by coefficients from the other year.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp

from instill.answer.asked.needs_conversation import LEAD, WEAK_STEMS, depends, pointing
from instill.answer.asked.pronouns import State, state_of
from instill.answer.asked.subject import TURNS, phrases, subject_of
from instill.answer.terms import content_words, terms
from instill.answer.types import Turn

MOST_WORDS = 6
"""Most words that are added."""


@dataclass(frozen=True, slots=True)
class Model:
    """Coefficients by sign, and from which probability on they count.

    Args:
        unsaid: of `unsaid_signs`.
        wanted: of `word_signs`.
        least_unsaid: a question that does not point back by its own words is left alone below it.
        least_wanted: a word is added from it on, when the question points back.
        least_wanted_otherwise: the same when it does not.
    """

    unsaid: Mapping[str, float]
    wanted: Mapping[str, float]
    least_unsaid: float = 0.6
    least_wanted: float = 0.2
    least_wanted_otherwise: float = 0.35


MODEL = Model(
    unsaid={
        "bias": -0.37,
        "points back": 1.01,
        "pronoun": 0.81,
        "no content word": 0.22,
        "one content word": 0.41,
        "two content words": 0.25,
        "many content words": -0.65,
        "new name": -0.58,
        "known name": -0.36,
        "definition": -0.14,
        "request": -0.13,
        "the": 0.18,
        "the, with nothing behind of": 0.25,
        "compares": 0.39,
        "something behind of": -0.31,
        "opens as an open question": 0.26,
        "few content words, no definition": 0.47,
        "long": -0.31,
        "known content words": -0.61,
        "words of the first turn": -0.51,
    },
    wanted={
        "bias": -3.83,
        "first turn": 1.05,
        "previous turn": 0.59,
        "subject": 0.90,
        "first subject": 0.94,
        "question before": 0.76,
        "name": 0.90,
        "weak": -0.78,
        "behind about or of": 0.72,
        "last phrase": 0.48,
        "points back, subject": 0.37,
        "points back, question before": 0.31,
    },
)


@dataclass(frozen=True, slots=True)
class Asking:
    """A question with what was said before it.

    Args:
        question: as it was asked.
        users: the user's earlier turns, oldest first.
        state: what the conversation has come to.
    """

    question: str
    users: Sequence[str]
    state: State

    @classmethod
    def after(cls, question: str, history: Sequence[Turn]) -> Asking:
        users = [turn.text for turn in history[-2 * TURNS :] if turn.role == "user"]
        return cls(question, users, state_of(history))


def left_unsaid(
    question: str, history: Sequence[Turn], model: Model = MODEL, *, points_back: bool = False
) -> list[str]:
    """Words of the user's earlier turns to search for with `question`, in their order, lower case; often none.

    Args:
        points_back: it is known to lean on the conversation, so that only the words are chosen.

    Example:
        >>> history = [Turn("user", "What is worth seeing in Chattanooga?")]
        >>> left_unsaid("Are there any famous foods?", history)
        ['chattanooga']
        >>> left_unsaid("Who wrote the handbook of Harbour Mills?", history)
        []
    """
    asking = Asking.after(question, history)
    if not asking.users:
        return []
    points_back = points_back or depends(question)
    if not points_back and _probability(model.unsaid, unsaid_signs(asking)) < model.least_unsaid:
        return []
    least = model.least_wanted if points_back else model.least_wanted_otherwise
    chances = {term: _probability(model.wanted, signs) for term, signs in word_signs(asking).items()}
    best = sorted((term for term in chances if chances[term] >= least), key=lambda term: -chances[term])
    chosen = set(best[:MOST_WORDS])
    words: list[str] = []
    for text in asking.users:
        for word in content_words(text):
            if chosen & set(terms(word)):
                chosen -= set(terms(word))
                words.append(word)
    return words


def _probability(coefficients: Mapping[str, float], signs: Mapping[str, float]) -> float:
    total = sum(coefficients[name] * value for name, value in signs.items())
    return 1 / (1 + exp(-max(-30.0, min(30.0, total))))


_NAME = re.compile(r"(?<=[\w,’'] )[A-Z][\w’'-]*|\b[A-Z]{2,}\b|\b\w*\d\w*\b")
_PLACED = re.compile(r"\b(?:about|of|in|for|from)\s+((?:[\w’'-]+\s*){1,3})", re.IGNORECASE)
_BEHIND_OF = re.compile(r"\b(?:of|in|between|for|on|about|with|from) (?:the |a |an )?([\w’'.-]+)", re.IGNORECASE)
_DEFINITION = re.compile(
    r"^\W*(?:what|who)(?:['’]s| is| are| was| were) (?:an? )?[\w'’.-]+(?: [\w'’.-]+){0,2}\W*$"
    r"|^\W*tell (?:me )?(?:more )?about (?!the\b|its|their|his|her)|^what does [\w-]+ mean",
    re.IGNORECASE,
)
_REQUEST = re.compile(r"^\W*(?:tell|describe|explain|compare)\b", re.IGNORECASE)
_COMPARES = re.compile(
    r"\b(?:others?|another|else|more|less|same|different|difference|instead|again|too|either|most|first|last|next|"
    r"ones?|any|some|important|main|famous|there|compared?)\b",
    re.IGNORECASE,
)
_OPENS_OPEN = re.compile(
    r"^\W*(?:are there|is there|were there|what else|which|what (?:kind|type|other|are (?:some|the|important|good))"
    r"|how (?:much|many|long|often|is|was|are|were|big|does|do)|can (?:i|you|they)|do (?:i|they|you))\b",
    re.IGNORECASE,
)


def _inside(pattern: re.Pattern[str], text: str) -> set[str]:
    """Terms of all that the pattern finds: of its group where it has one."""
    return {term for match in pattern.finditer(text) for term in terms(match.group(match.lastindex or 0))}


def unsaid_signs(asking: Asking) -> dict[str, float]:
    """Signs that the question leaves something unsaid, 0 to 1 each."""
    lead = LEAD.match(asking.question)
    question = asking.question[lead.end() :] if lead else asking.question
    heard = {term for text in asking.users for term in terms(text)}
    first = set(terms(asking.users[0])) - WEAK_STEMS
    content = dict.fromkeys(term for term in terms(question) if term not in WEAK_STEMS)
    known = [term for term in content if term in heard]
    names = _inside(_NAME, question) - WEAK_STEMS
    placed = _inside(_BEHIND_OF, question) - WEAK_STEMS
    definition = bool(_DEFINITION.search(question))
    the = bool(re.search(r"\bthe\b", question, re.IGNORECASE))
    found = {
        "points back": depends(asking.question),
        "pronoun": pointing(asking.question) is not None,
        "no content word": not content,
        "one content word": len(content) == 1,
        "two content words": len(content) == 2,
        "many content words": len(content) >= 4,
        "new name": bool(names - heard),
        "known name": bool(names & heard),
        "definition": definition,
        "request": bool(_REQUEST.search(question)),
        "the": the,
        "the, with nothing behind of": the and not placed,
        "compares": bool(_COMPARES.search(question)),
        "something behind of": bool(placed),
        "opens as an open question": bool(_OPENS_OPEN.search(question)),
        "few content words, no definition": len(content) <= 1 and not definition and not _REQUEST.search(question),
        "long": len(question.split()) >= 10,
    }
    signs = {name: float(value) for name, value in found.items()}
    signs["known content words"] = len(known) / max(1, len(content))
    signs["words of the first turn"] = len(first & set(content)) / max(1, len(first))
    return {"bias": 1.0, **signs}


def word_signs(asking: Asking) -> dict[str, dict[str, float]]:
    """By term of the earlier turns that the question does not hold: the signs that it is left unsaid, 0 or 1 each."""
    turns = [set(terms(text)) for text in asking.users]
    asked = set(terms(asking.question))
    state, points_back = asking.state, depends(asking.question)
    subject, before = set(terms(state.subject)), set(terms(state.question))
    first_subject = set(terms(subject_of(asking.users[0], current="")))
    names = {term for text in asking.users for term in _inside(_NAME, text)}
    placed = {term for text in asking.users for term in _inside(_PLACED, text)}
    last_phrases = {term for text in asking.users for phrase in phrases(text)[-1:] for term in terms(phrase)}
    found = {}
    for term in sorted(set().union(*turns) - asked):
        signs = {
            "first turn": term in turns[0],
            "previous turn": term in turns[-1],
            "subject": term in subject,
            "first subject": term in first_subject,
            "question before": term in before,
            "name": term in names,
            "weak": term in WEAK_STEMS,
            "behind about or of": term in placed,
            "last phrase": term in last_phrases,
            "points back, subject": points_back and term in subject,
            "points back, question before": points_back and term in before,
        }
        found[term] = {"bias": 1.0, **{name: float(value) for name, value in signs.items()}}
    return found
