"""A follow-up's passages: from everywhere and from the documents that the conversation is about, and how it is read.

A follow-up may be understood in several ways ("can I write to it?", "can I write to the replica?"). Passages are
searched for under each, in all documents and in those that answered before, which get a head start. The reader reads
them under each; the way under which the best passage answers best is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from instill.answer.asked.about import About
from instill.answer.reading.findings import DEPTH, RELEVANT_SHARE, Findings, read_passages
from instill.answer.reading.reader import Reader
from instill.encoders.protocol import Encoder, Vectors
from instill.index.types import Hit

WITHIN = 10
"""Passages that are looked for in the documents that answered before."""

HEAD_START = 1.5
"""How many standard deviations of the search's scores these documents are ahead of others."""

SAME_SUBJECT = 0.5
"""Share of the head start where the question does not point back by its own words."""

_RANK_SHIFT = 10


class SearchWithin(Protocol):
    """Ranked passages of the documents that a conversation is about, best first, that the caller may see."""

    def __call__(self, query: str, about: About, *, k: int) -> Sequence[Hit]: ...


@dataclass(frozen=True, slots=True)
class Followed:
    """How a follow-up is read: the question, its passages in order, and what the reader found in them."""

    question: str
    hits: Sequence[Hit]
    findings: Findings | None


def gather(
    forms: Sequence[str], found: Sequence[Hit], search: Callable[[str], Sequence[Hit]], within: Sequence[Sequence[Hit]]
) -> list[Hit]:
    """The passages of all searches, each once, with the sum of its reciprocal ranks as its score; best first."""
    lists = [found, *(search(form) for form in forms), *within]
    scores: dict[tuple[str, int], float] = {}
    hits: dict[tuple[str, int], Hit] = {}
    for ranked in lists:
        for rank, hit in enumerate(ranked):
            place = (hit.doc_id, hit.ordinal)
            scores[place] = scores.get(place, 0.0) + 1 / (_RANK_SHIFT + rank)
            hits.setdefault(place, hit)
    order = sorted(hits, key=lambda place: -scores[place])
    return [replace(hits[place], score=scores[place]) for place in order]


def follow(
    forms: Sequence[str],
    hits: Sequence[Hit],
    about: About,
    encoder: Encoder,
    vectors_of: Callable[[Sequence[Hit]], Vectors],
    reader: Reader | None,
    *,
    points_back: bool,
) -> Followed:
    """Read `hits` under each of `forms` and take the form under which the best of them answers best.

    The hits' `vector_score` becomes the cosine with the form that is taken.
    """
    ahead = HEAD_START * (1.0 if points_back else SAME_SUBJECT)
    scores = np.array([hit.score for hit in hits])
    standard = (scores - scores.mean()) / (scores.std() or 1.0)
    known = np.array([about.holds(hit.doc_id, hit.title) for hit in hits])
    led = standard + ahead * known
    order = np.argsort(-led, kind="stable")
    ordered = [replace(hits[place], score=float(led[place])) for place in order]
    vectors = vectors_of(ordered)
    ways = []
    for form, asked in zip(forms, encoder.encode_queries(list(forms)), strict=True):
        near = vectors @ asked
        again = [replace(hit, vector_score=float(cosine)) for hit, cosine in zip(ordered, near, strict=True)]
        if reader is None:
            return Followed(form, again, None)
        findings = read_passages(form, again, reader, depth=DEPTH)
        best = findings.readings[0]
        ways.append((best.score + RELEVANT_SHARE * best.relevant, Followed(form, findings.hits, findings)))
    return max(ways, key=lambda way: way[0])[1]
