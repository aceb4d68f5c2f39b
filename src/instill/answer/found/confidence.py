"""How likely it is that the passages answer the question: a logistic function of a few measured signs.

Fitted by `python bench/answers.py --data DIR --fit` on answerable questions, on the same questions with their evidence
removed, on questions of other documents, and on ones that were written so that their passage does not answer them. The
benchmark prints how well it separates them, set by set, and with the set held out of the fit. Signs that depend on the
size of the collection (BM25, the distance to the next passages) added nothing and are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log1p

from instill.answer.found.choosing import Chosen
from instill.answer.found.ranking import Ranking
from instill.answer.reading.findings import Findings
from instill.answer.text import coverage, terms

COEFFICIENTS: Mapping[str, float] = {
    "bias": -6.38,
    "closest": 9.22,  # cosine of the question with the best passage or the best chosen sentence
    "sentence coverage": 0.94,  # question terms in the chosen sentences, by rarity
    "passage coverage": 1.94,  # and in the passages they come from
    "missing": -0.69,  # share of the question's names and numbers that the pieces do not hold
    "exact": 0.7,  # the best piece holds the question's codes and numbers
}


READER_COEFFICIENTS: Mapping[str, float] = {
    "bias": -4.33,
    "closest": 6.20,
    "sentence coverage": 0.38,
    "passage coverage": 1.44,
    "missing": -0.23,
    "exact": 0.7,
    "reader": 2.91,  # logit / 10 that a passage answers, of the one that does so best
    "relevant": 0.35,  # logit / 10 that a passage is about what is asked, of the one that is so most
    "verified": 2.0,  # logit / 10 that a chosen piece answers by itself
    "agreement": 1.86,  # log(1 + other passages that give the same answer)
}
"""The same where a reader has read the passages."""


def signs(
    ranking: Ranking,
    chosen: Sequence[Chosen],
    findings: Findings | None = None,
    *,
    missing: float = 0.0,
    exact: float = 0.0,
) -> dict[str, float]:
    """The signs that `COEFFICIENTS` weighs, for the chosen pieces; with `findings` those of `READER_COEFFICIENTS`.

    Args:
        missing: share of what the question names (numbers, codes, names) that the pieces do not speak of.
        exact: 1.0 where the question has a code or number and the best piece speaks of all of them.
    """
    hits = ranking.hits
    pieces = [each.piece for each in chosen]
    said = set(terms(" ".join(piece.text for piece in pieces)))
    around = set(terms(" ".join(f"{piece.hit.title} {piece.headings} {piece.text}" for piece in pieces)))
    cosines = [
        float(ranking.feature("cosine")[row])
        for row, unit in enumerate(ranking.units)
        for piece in pieces
        if piece.hit.doc_id == hits[unit.rank].doc_id
        and piece.holds(hits[unit.rank].start + unit.sentence.start, hits[unit.rank].start + unit.sentence.end)
    ]
    found = {
        "bias": 1.0,
        "closest": max([hit.vector_score for hit in hits] + cosines),
        "sentence coverage": coverage(ranking.wanted, said),
        "passage coverage": coverage(ranking.wanted, around),
        "missing": missing,
        "exact": exact,
    }
    if findings is not None and findings.readings:
        found["reader"] = max(reading.score for reading in findings.readings) / 10
        found["relevant"] = max(reading.relevant for reading in findings.readings) / 10
        found["agreement"] = log1p(findings.agreement())
        found["verified"] = max(each.answerable for each in chosen) / 10
    return found


def confidence(found: Mapping[str, float]) -> float:
    """0 to 1."""
    coefficients = READER_COEFFICIENTS if "reader" in found else COEFFICIENTS
    total = sum(coefficients[name] * value for name, value in found.items())
    return 1 / (1 + exp(-max(-30.0, min(30.0, total))))
