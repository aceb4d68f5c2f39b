"""How likely it is that the passages answer the question: a logistic function of a few measured signs.

Fitted on questions near the topic, some of which have no answer in the documents. Right answers are told from all
others: from wrong ones, and from any answer to a question without one. `python bench/answers.py --data DIR --fit`
prints how well the signs separate them, set by set, with the set held out of the fit. Signs that depend on the size of
the collection (BM25, the distance to the next passages) added nothing and are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp

from instill.answer.found.chosen_piece import Chosen
from instill.answer.found.ranking import Ranking
from instill.answer.reading.findings import Findings
from instill.answer.terms import coverage, terms

COEFFICIENTS: Mapping[str, float] = {
    "bias": -6.38,
    "closest": 9.22,  # cosine of the question with the best passage or the best chosen sentence
    "sentence coverage": 0.94,  # question terms in the chosen sentences, by rarity
    "passage coverage": 1.94,  # and in the passages they come from
    "missing": -0.69,  # share of the question's names and numbers that the pieces do not hold
    "exact": 0.7,  # the best piece holds the question's codes and numbers
}


READER_COEFFICIENTS: Mapping[str, float] = {
    "bias": 0.19,
    "closest": 4.84,
    "missing": -2.07,
    "exact": 0.40,
    "source": 4.50,  # logit / 10 that the best piece, or the passage that it comes from, answers
    "about": -2.23,  # logit / 10 that the best piece is about what is asked: near the topic is not an answer
}
"""The same where a reader has read the passages, fitted on questions and follow-ups over eight folders: four of
technical documentation, the handbook of one company and the papers of another, a user guide, a book. More signs (terms
that the pieces lack, other passages that agree, the best of all readings, the margin of the words) did not tell right
answers better on folders left out of the fit."""

LEAST_READ = -5.0
"""Logit that stands for what the reader has not read."""


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
        exact: 1.0 where the question has a code or number and the best piece speaks of all of them, or the best piece
            is a record with the field that the question names.
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
        best, source = chosen[0].reading, findings.reading_of(pieces[0].hit)
        # A piece that answers proves that its passage does, which may speak of much else.
        scores = [each.score for each in (source, best) if each]
        found["source"] = max(scores, default=LEAST_READ) / 10
        found["about"] = (best.relevant if best else LEAST_READ) / 10
    return found


def confidence(found: Mapping[str, float]) -> float:
    """0 to 1."""
    coefficients = READER_COEFFICIENTS if "source" in found else COEFFICIENTS
    total = sum(weight * found[name] for name, weight in coefficients.items())
    return 1 / (1 + exp(-max(-30.0, min(30.0, total))))
