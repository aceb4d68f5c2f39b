"""How likely it is that the passages answer the question: a logistic function of a few measured signs.

Fitted by `python bench/ask.py --data DIR --fit` on answerable questions and the same questions with their evidence
removed or asked of other documents; the benchmark prints how well it separates them, set by set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log

import numpy as np

from instill.answer.question import Question, offers
from instill.answer.ranking import Ranking
from instill.answer.text import coverage, terms

COEFFICIENTS: Mapping[str, float] = {
    "bias": -7.0,
    "passage cosine": 4.0,  # best passage
    "sentence cosine": 4.0,  # best chosen sentence
    "sentence coverage": 1.5,  # question terms in the chosen sentences, by rarity
    "passage coverage": 2.0,  # and in the passages they come from
    "gap": 2.0,  # best passage's cosine above the mean of the others
    "offers": 0.5,  # signs of what is asked for
    "keyword": 0.3,  # log of 1 + BM25 of the best passage
    "missing": -1.0,  # share of the question's names and numbers that no passage holds
}


def signs(question: Question, ranking: Ranking, rows: Sequence[int]) -> dict[str, float]:
    """The signs that `COEFFICIENTS` weighs, for the chosen `rows`."""
    hits = ranking.hits
    cosines = np.array([hit.vector_score for hit in hits])
    best = float(cosines.max())
    chosen = [ranking.units[row] for row in rows]
    said = set().union(*(unit.found for unit in chosen)) if chosen else set()
    ranks = sorted({unit.rank for unit in chosen})
    around: set[str] = set()
    for rank in ranks:
        around.update(terms(f"{hits[rank].title} {hits[rank].headings} {hits[rank].text}"))
    rest = np.delete(cosines, int(cosines.argmax()))
    return {
        "bias": 1.0,
        "passage cosine": best,
        "sentence cosine": max((float(ranking.feature("cosine")[row]) for row in rows), default=0.0),
        "sentence coverage": coverage(ranking.wanted, said),
        "passage coverage": coverage(ranking.wanted, around),
        "gap": best - float(rest.mean()) if len(rest) else 0.0,
        "offers": max((offers(question, unit.shown) for unit in chosen), default=0.0),
        "keyword": log(1 + max(0.0, max(hit.keyword_score for hit in hits))),
        "missing": _missing(question, around),
    }


def confidence(found: Mapping[str, float]) -> float:
    """0 to 1."""
    total = sum(COEFFICIENTS[name] * value for name, value in found.items())
    return 1 / (1 + exp(-max(-30.0, min(30.0, total))))


def _missing(question: Question, around: set[str]) -> float:
    """Share of the names (capitalised inside the question) and numbers that the passages do not hold."""
    words = question.text.split()
    named = {
        term
        for position, word in enumerate(words)
        if any(character.isdigit() for character in word) or (position and word[:1].isupper())
        for term in terms(word)
    }
    return len(named - around) / len(named) if named else 0.0
