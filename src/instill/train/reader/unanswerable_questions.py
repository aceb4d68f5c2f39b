"""Questions that a passage no longer answers, made from questions that it does.

A name, a number or a term of the question is exchanged for another one, a word for its opposite, or two terms change
places. Jia and Liang (2017, section 3.2) and Rajpurkar et al. (2018, table 1) found that people write misleading
questions mostly in these ways.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

_PAIRS = (
    ("first", "last"), ("most", "least"), ("before", "after"), ("largest", "smallest"), ("north", "south"),
    ("east", "west"), ("northern", "southern"), ("eastern", "western"), ("increase", "decrease"),
    ("best", "worst"), ("higher", "lower"), ("highest", "lowest"), ("more", "less"), ("oldest", "youngest"),
    ("early", "late"), ("beginning", "end"), ("began", "ended"), ("begin", "end"), ("start", "stop"),
    ("started", "stopped"), ("won", "lost"), ("win", "lose"), ("major", "minor"), ("large", "small"),
    ("maximum", "minimum"), ("positive", "negative"), ("internal", "external"), ("public", "private"),
    ("allowed", "forbidden"), ("common", "rare"), ("male", "female"), ("father", "mother"), ("son", "daughter"),
    ("son", "brother"), ("king", "queen"), ("import", "export"), ("buy", "sell"), ("enter", "leave"),
    ("founded", "dissolved"), ("built", "destroyed"), ("open", "closed"), ("above", "below"),
    ("inside", "outside"), ("always", "never"), ("strong", "weak"), ("modern", "ancient"),
    ("rich", "poor"), ("new", "old"), ("long", "short"), ("fast", "slow"), ("earliest", "latest"),
    ("men", "women"), ("normal", "abnormal"), ("once", "twice"), ("high", "low"), ("added", "removed"),
    ("supporter", "opponent"), ("similar", "different"), ("causes", "prevents"), ("cause", "prevent"),
    ("during", "after"), ("only", "also"), ("gain", "lose"), ("accepted", "rejected"), ("rises", "falls"),
)  # fmt: skip
_OPPOSITES: dict[str, list[str]] = {}
for _one, _other in _PAIRS:
    _OPPOSITES.setdefault(_one, []).append(_other)
    _OPPOSITES.setdefault(_other, []).append(_one)

_NEGATIONS = {
    "can": "cannot", "is": "isn't", "was": "wasn't", "did": "didn't", "does": "doesn't", "are": "aren't",
    "were": "weren't", "could": "couldn't",
}  # fmt: skip
_NEGATED = 0.08
"""Share of questions that are only negated: so easily made that more of them would teach the trick alone."""

_NAME = re.compile(r"(?<!^)(?<![.?!] )\b[A-Z][\w'’-]*(?:\s+(?:of|the|de|and)?\s*[A-Z][\w'’-]*)*")
_NUMBER = re.compile(r"\b\d[\d,.]*\b")
_CODE = re.compile(r"\b[A-Za-z]{0,6}[-_#]?\d[\d.,]*\d\b|\b[A-Za-z]{0,6}[-_#]?\d\b")
"""A number, a version, or a code that ends in a number ("C2065", "E-17")."""
_TERM = re.compile(r"\b[a-z]{5,}\b")
_EMPTY = frozenset(
    ["about", "above", "after", "along", "among", "another", "around", "because", "become", "before", "being", "below",
     "between", "called", "could", "during", "either", "every", "first", "found", "known", "might", "other", "others",
     "should", "since", "still", "their", "there", "these", "thing", "things", "those", "through", "under", "until",
     "using", "where", "which", "while", "whose", "within", "without", "would"]
)  # fmt: skip
"""Long words that say too little to be taken for a term."""
_ENDINGS = ("ing", "ed", "ly", "ous", "ic", "al", "ive", "ity", "tion", "ment", "ers", "er", "s")


def names_and_numbers(text: str) -> tuple[list[str], list[str]]:
    """Capitalised phrases that do not open the text, and numbers.

    Example:
        >>> names_and_numbers("When did James Watt of Scotland build 12 engines?")
        (['James Watt of Scotland'], ['12'])
    """
    return [found.group() for found in _NAME.finditer(text)], [found.group() for found in _NUMBER.finditer(text)]


def terms(text: str) -> list[str]:
    """Words in small letters that may be what a text is about.

    Example:
        >>> terms("Which cells could attack the tumors?")
        ['cells', 'attack', 'tumors']
    """
    return [word for word in _TERM.findall(text) if word not in _EMPTY]


def same_kind(word: str, other: str) -> bool:
    """Whether two words have the same common ending: mostly one may stand where the other stood.

    Example:
        >>> same_kind("cells", "tumors"), same_kind("cells", "slowly")
        (True, False)
    """
    return _ending(word) != "" and _ending(word) == _ending(other)


def _ending(word: str) -> str:
    return next((ending for ending in _ENDINGS if word.endswith(ending) and not word.endswith("ss")), "")


def mislead(question: str, passage: str, elsewhere: Sequence[str], rng: random.Random) -> str | None:
    """The question with one thing exchanged, or None when it has nothing to exchange.

    Args:
        passage: what it is asked of; half of the replacements come from it, which makes them hard to notice.
        elsewhere: other questions on the same subject, for the other half.
    """
    negatable = [word for word in question.split() if word in _NEGATIONS]
    if negatable and rng.random() < _NEGATED:
        word = rng.choice(negatable)
        return re.sub(rf"\b{word}\b", _NEGATIONS[word], question, count=1)
    names, numbers = names_and_numbers(question)
    words = [word for word in re.findall(r"[a-z']+", question) if word in _OPPOSITES]
    said = list(dict.fromkeys(terms(question)))
    places = [(one, two) for at, one in enumerate(said) for two in said[at + 1 :] if same_kind(one, two)]
    endings = [word for word in said if _ending(word)]
    choices = (("name", names), ("number", numbers), ("word", words), ("term", endings), ("places", places))
    kinds = [kind for kind, found in choices if found]
    if not kinds:
        return None
    kind = rng.choice(kinds)
    if kind == "word":
        word = rng.choice(words)
        return re.sub(rf"\b{word}\b", rng.choice(_OPPOSITES[word]), question, count=1)
    if kind == "term":
        return _other_term(question, passage, rng.choice(endings), rng)
    if kind == "places":
        return _places_changed(question, *rng.choice(places))
    old = rng.choice(names if kind == "name" else numbers)
    source = passage if rng.random() < 0.5 or not elsewhere else rng.choice(elsewhere)
    pool = names_and_numbers(source)[0 if kind == "name" else 1]
    pool = [new for new in pool if new.lower() not in question.lower() and old.lower() not in new.lower()]
    if not pool:
        return None
    return question.replace(old, rng.choice(pool), 1)


def tweak(question: str, passage: str, rng: random.Random) -> str | None:
    """The question with one number, year, version or code exchanged for a near one that the passage does not have.

    Returns None when the question has none, or when no near one is free.

    Example:
        >>> tweak("What is new in 3.13?", "New in 3.13: a prompt.", random.Random(1))
        'What is new in 3.23?'
    """
    found = list(_CODE.finditer(question))
    if not found:
        return None
    old = rng.choice(found)
    held = passage.lower()
    for _ in range(8):
        new = _near(old.group(), rng)
        if new != old.group() and not re.search(rf"(?<![\w.]){re.escape(new.lower())}(?![\w]|\.\d)", held):
            return question[: old.start()] + new + question[old.end() :]
    return None


def _near(code: str, rng: random.Random) -> str:
    """The code with its last number, or another one of it, changed by a little."""
    numbers = list(re.finditer(r"\d+", code))
    chosen = numbers[-1] if rng.random() < 0.7 else rng.choice(numbers)
    digits = chosen.group()
    year = len(digits) == 4 and digits[:2] in ("18", "19", "20")
    if len(digits) <= 2 or year or rng.random() < 0.6:
        moved = str(max(0, int(digits) + rng.choice([-3, -2, -1, 1, 2, 3, 10])))
    else:
        moved = "".join(rng.sample(digits, len(digits)))
    if digits[0] == "0":
        moved = moved.zfill(len(digits))
    return code[: chosen.start()] + moved + code[chosen.end() :]


def _other_term(question: str, passage: str, old: str, rng: random.Random) -> str | None:
    asked = question.lower()
    there = [new for new in terms(passage) if same_kind(old, new) and new not in asked and new[:5] != old[:5]]
    return re.sub(rf"\b{old}\b", rng.choice(there), question, count=1) if there else None


def _places_changed(question: str, one: str, two: str) -> str:
    """Both words exchanged: who attacks whom is another question.

    Example:
        >>> _places_changed("Which cells do tumors attack?", "cells", "tumors")
        'Which tumors do cells attack?'
    """
    return re.sub(rf"\b({one}|{two})\b", lambda found: two if found.group() == one else one, question)
