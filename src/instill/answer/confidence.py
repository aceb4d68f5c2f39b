"""How likely it is that the passages answer the question: a logistic function of a few measured signs.

Fitted by `python bench/answers.py --data DIR --fit` on answerable questions, on the same questions with their evidence
removed, and on questions of other documents. The benchmark prints how well it separates them, set by set; with the set
held out of the fit the AUC is .80 to .95 with the evidence removed and .97 or more for questions of other documents.
Questions written to mislead (same passage, no answer) are hardly told apart (.67): that takes a reader. Signs that
depend on the size of the collection (BM25, the distance to the next passages) added nothing and are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log1p

from instill.answer.findings import Findings
from instill.answer.question import Question
from instill.answer.ranking import Ranking, Unit
from instill.answer.text import coverage, terms
from instill.index.types import Hit

COEFFICIENTS: Mapping[str, float] = {
    "bias": -6.38,
    "closest": 9.22,  # cosine of the question with the best passage or the best chosen sentence
    "sentence coverage": 0.94,  # question terms in the chosen sentences, by rarity
    "passage coverage": 1.94,  # and in the passages they come from
    "missing": -0.69,  # share of the question's names and numbers that those passages do not hold
}


READER_COEFFICIENTS: Mapping[str, float] = {
    **COEFFICIENTS,
    "reader": 0.0,  # logit / 10 that the quoted passage answers
    "relevant": 0.0,  # logit / 10 that it is about what is asked
    "support": 0.0,  # how much the reader sees the answer in the best quoted sentence
    "agreement": 0.0,  # log(1 + other passages that give the same answer)
}


def signs(
    question: Question, ranking: Ranking, rows: Sequence[int], findings: Findings | None = None
) -> dict[str, float]:
    """The signs that `COEFFICIENTS` weighs, for the chosen `rows`; with `findings` those of `READER_COEFFICIENTS`."""
    hits = ranking.hits
    chosen = [ranking.units[row] for row in rows]
    said = set().union(*(unit.found for unit in chosen)) if chosen else set()
    ranks = sorted({unit.rank for unit in chosen})
    around: set[str] = set()
    for rank in ranks:
        around.update(terms(f"{hits[rank].title} {hits[rank].headings} {hits[rank].text}"))
    found = {
        "bias": 1.0,
        "closest": max([hit.vector_score for hit in hits] + [float(ranking.feature("cosine")[row]) for row in rows]),
        "sentence coverage": coverage(ranking.wanted, said),
        "passage coverage": coverage(ranking.wanted, around),
        "missing": _missing(question, around),
    }
    if findings is not None and findings.readings:
        found |= _reader_signs(chosen, hits, findings)
    return found


def _reader_signs(chosen: Sequence[Unit], hits: Sequence[Hit], findings: Findings) -> dict[str, float]:
    read = [reading for unit in chosen if (reading := findings.reading_of(hits[unit.rank])) is not None]
    return {
        "reader": max([reading.score for reading in read], default=-10.0) / 10,
        "relevant": max([reading.relevant for reading in read], default=-10.0) / 10,
        "support": max(
            [findings.support(hits[unit.rank], unit.sentence.start, unit.sentence.end) for unit in chosen], default=0.0
        ),
        "agreement": log1p(findings.agreement()),
    }


def confidence(found: Mapping[str, float]) -> float:
    """0 to 1."""
    coefficients = READER_COEFFICIENTS if "reader" in found else COEFFICIENTS
    total = sum(coefficients[name] * value for name, value in found.items())
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
