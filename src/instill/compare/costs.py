"""What each arm costs before its first answer, and for one more fact, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

from instill.compare.copies import put_again
from instill.compare.line_up import FINDS
from instill.compare.plan import AWARE, BOTH, TUNED
from instill.compare.prices import Prices
from instill.compare.tuning import Tuned
from instill.measure.outcomes import Preparation

if TYPE_CHECKING:
    from instill.workspace import Workspace

SAMPLE = 24
"""Documents that are indexed again to find out what one takes."""


def seconds_per_document(copy: Workspace, *, most: int = SAMPLE, seed: int = 0) -> float:
    """Of indexing one document by itself: the mean over some, after a first one that loads what is needed.

    Args:
        copy: see `fresh_copy`.
    """
    ids = sorted(record.doc_id for record in copy.documents())
    drawn = Random(seed).sample(ids, min(most, len(ids)))  # noqa: S311
    put_again(copy, drawn[:1])
    return sum(put_again(copy, [doc_id]) for doc_id in drawn) / len(drawn)


def preparations(
    arms: Sequence[str],
    *,
    documents: int,
    per_document: float,
    tuned: Mapping[str, Tuned],
    retraining: float | None,
    facts: int,
    taught: int,
    prices: Prices,
) -> list[Preparation]:
    """Of each arm that has costs before its answers.

    One more fact is one more document to an arm that finds passages, and a training to an arm that knows by heart:
    measured where freshness was, else the share of one in the training that was.

    Args:
        documents: in the index.
        per_document: seconds of indexing one.
        retraining: seconds of a training for one changed fact; None: not measured.
        facts, taught: in the documents, and in the training rows.
    """
    index = documents * per_document
    found = []
    for arm in arms:
        seconds = per_fact = 0.0
        if arm in FINDS:
            seconds, per_fact = index, per_document
        own = {TUNED: TUNED, BOTH: TUNED, AWARE: AWARE}.get(arm)
        if own is not None:
            seconds += tuned[own].seconds
        if arm == TUNED:
            per_fact = retraining if retraining is not None else tuned[TUNED].seconds / max(1, taught)
        known = taught if arm == TUNED else facts
        money = prices.of_seconds(seconds), prices.of_seconds(per_fact)
        if arm in FINDS or own is not None:
            found.append(Preparation(arm, seconds, money[0], known, per_fact, money[1]))
    return found
