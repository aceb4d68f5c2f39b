"""Reranking: the reader looks at the first hits of a search and has a say in their order.

The legs of a search score a passage without reading the question beside it. The reader reads both together, which is
far slower and tells better what a passage is about, so it is asked about the first hits only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from instill.answer.reading.reader import Reading
from instill.answer.reading.reader_input import heading
from instill.documents.table_heads import shown_head
from instill.index.types import READ, Hit
from instill.measure.z_scores import standardised


class Reads(Protocol):
    """What reranking needs of a reader."""

    def read(
        self, question: str, passages: Sequence[tuple[str, str]], *, heads: Sequence[str] = ()
    ) -> list[Reading]: ...


def rerank(question: str, hits: Sequence[Hit], reader: Reads, *, weight: float, depth: int = READ) -> list[Hit]:
    """The hits with the first `depth` of them in a new order; equal ones, and the rest, keep theirs.

    Sorted by `(1 - weight) * z(score) + weight * z(relevant)`, where `z` standardises over these hits, `score` is what
    they were ranked by and `relevant` the reader's logit that the passage is about what is asked. That sum is each
    hit's new `score`; the rest get scores below it, with the same distances between them as before.

    Args:
        weight: the reader's share, 0 to 1.
        depth: hits that are read, 1 or more.

    Raises:
        ValueError: `weight` or `depth` is out of range.
    """
    if not 0 <= weight <= 1 or depth < 1:
        raise ValueError(f"weight {weight} or depth {depth} is out of range")
    head, rest = hits[:depth], hits[depth:]
    if not head:
        return []
    readings = reader.read(
        question,
        [(heading(hit.title, hit.headings), hit.text) for hit in head],
        heads=[shown_head(hit.table_head) for hit in head],
    )
    mixed = mix([hit.score for hit in head], [reading.relevant for reading in readings], weight)
    order = np.argsort(-mixed, kind="stable").tolist()
    ranked = [replace(head[place], score=float(mixed[place])) for place in order]
    lowest, last = ranked[-1].score, head[-1].score
    return ranked + [replace(hit, score=lowest - (last - hit.score)) for hit in rest]


def mix(scores: Sequence[float], relevant: Sequence[float], weight: float) -> NDArray[np.float64]:
    """`(1 - weight) * z(scores) + weight * z(relevant)`, float64 `(n,)`; what does not vary adds nothing.

    Example:
        >>> mix([2.0, 1.0], [-3.0, 3.0], 0.75).tolist()
        [-0.5, 0.5]
    """
    return (1 - weight) * standardised(scores) + weight * standardised(relevant)
