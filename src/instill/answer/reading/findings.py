"""What the reader found in the passages that a search brought up, and the order in which that puts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np

from instill.answer.reading.reader import Reader, Reading
from instill.answer.reading.reader_input import heading
from instill.documents.table_heads import shown_head
from instill.index.types import Hit
from instill.measure.z_scores import standardised

DEPTH = 12
"""Passages read for a question."""

SEARCH_SHARE = 1.0
"""Weight of the search's own score (standardised over the passages read) beside the reader's logits."""

RELEVANT_SHARE = 0.5
"""Weight of "is about what is asked" beside "answers"."""

_LEAST = 1e-3


@dataclass(frozen=True, slots=True)
class Findings:
    """Hits in the order of their worth as the source of an answer; `readings` belong to the first of them."""

    hits: tuple[Hit, ...]
    readings: tuple[Reading, ...]

    def reading_of(self, hit: Hit) -> Reading | None:
        """What was found in a hit; None when it was not read."""
        place = (hit.doc_id, hit.ordinal)
        read = zip(self.hits, self.readings, strict=False)
        return next((reading for other, reading in read if (other.doc_id, other.ordinal) == place), None)

    def support(self, hit: Hit, start: int, end: int) -> float:
        """How much the reader sees the answer in the characters `[start, end)` of a hit's text, 0 to 1.

        The logarithm of (the passage answers) x (the answer lies there), scaled so that one in a thousand gives 0; 0
        for a hit that was not read.
        """
        found = self.reading_of(hit)
        if found is None:
            return 0.0
        chance = found.mass(start, end) / (1 + exp(-max(-30.0, min(30.0, found.score))))
        return 1 - log(max(_LEAST, min(1.0, chance))) / log(_LEAST)


def read_passages(question: str, hits: Sequence[Hit], reader: Reader, *, depth: int = DEPTH) -> Findings:
    """Read the first `depth` of `hits` and put them in order; the rest follows as it was.

    Passages are ordered by `score + RELEVANT_SHARE * relevant + SEARCH_SHARE * z`, where z is the search's score
    standardised over the passages read.
    """
    near, rest = hits[:depth], hits[depth:]
    if not near:
        return Findings(tuple(hits), ())
    readings = reader.read(
        question,
        [(heading(hit.title, hit.headings), hit.text) for hit in near],
        heads=[shown_head(hit.table_head) for hit in near],
    )
    scores = np.array([hit.score for hit in near])
    z = standardised(scores)
    worth = [
        found.score + RELEVANT_SHARE * found.relevant + SEARCH_SHARE * own
        for found, own in zip(readings, z, strict=True)
    ]
    order = sorted(range(len(near)), key=lambda place: -worth[place])
    return Findings(tuple(near[place] for place in order) + tuple(rest), tuple(readings[place] for place in order))
