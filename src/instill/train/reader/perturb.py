"""Questions that a passage no longer answers, made from questions that it does.

A name or a number of the question is exchanged for another one, or a word for its opposite. Jia and Liang (2017,
section 3.2) and Rajpurkar et al. (2018, table 1) found that people write misleading questions mostly in these ways.
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
    ("inside", "outside"), ("many", "few"), ("always", "never"), ("strong", "weak"), ("modern", "ancient"),
    ("rich", "poor"), ("new", "old"), ("long", "short"), ("fast", "slow"),
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


def names_and_numbers(text: str) -> tuple[list[str], list[str]]:
    """Capitalised phrases that do not open the text, and numbers.

    Example:
        >>> names_and_numbers("When did James Watt of Scotland build 12 engines?")
        (['James Watt of Scotland'], ['12'])
    """
    return [found.group() for found in _NAME.finditer(text)], [found.group() for found in _NUMBER.finditer(text)]


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
    kinds = [kind for kind, found in (("name", names), ("number", numbers), ("word", words)) if found]
    if not kinds:
        return None
    kind = rng.choice(kinds)
    if kind == "word":
        word = rng.choice(words)
        return re.sub(rf"\b{word}\b", rng.choice(_OPPOSITES[word]), question, count=1)
    old = rng.choice(names if kind == "name" else numbers)
    source = passage if rng.random() < 0.5 or not elsewhere else rng.choice(elsewhere)
    pool = names_and_numbers(source)[0 if kind == "name" else 1]
    pool = [new for new in pool if new.lower() not in question.lower() and old.lower() not in new.lower()]
    if not pool:
        return None
    return question.replace(old, rng.choice(pool), 1)
