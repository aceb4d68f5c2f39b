"""What each arm costs before its first answer, and for one more fact, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from instill.compare.arms.line_up import FINDS
from instill.compare.changed.copies import put_again
from instill.compare.plan import AWARE, BOTH, TUNED, WHOLE
from instill.compare.prices import Prices
from instill.compare.tuned.tuning import Tuned
from instill.errors import UsageError
from instill.measure.outcomes import Preparation

if TYPE_CHECKING:
    from instill.workspace import Workspace

SAMPLE = 24
"""Documents that are indexed again to find out what one takes."""


@dataclass(frozen=True, slots=True)
class Indexing:
    """Seconds that one document takes: by itself, as when one is changed, and as one of many, as in the beginning."""

    alone: float
    among_many: float


def measure_indexing(copy: Workspace, *, most: int = SAMPLE, seed: int = 0) -> Indexing:
    """Index some documents again, one by one and together, after a first one that loads what is needed.

    Args:
        copy: see `fresh_copy`.
        most: so many are indexed again, 1 or more.

    Raises:
        UsageError: `copy` is no copy, or holds no document.
    """
    ids = sorted(record.doc_id for record in copy.documents())
    if not ids:
        raise UsageError("The workspace holds no document.", where=str(copy.path), remedy="Run: instill add PATH")
    drawn = Random(seed).sample(ids, min(most, len(ids)))  # noqa: S311
    put_again(copy, drawn[:1])
    alone = sum(put_again(copy, [doc_id]) for doc_id in drawn) / len(drawn)
    return Indexing(alone, put_again(copy, drawn) / len(drawn))


def preparations(
    arms: Sequence[str],
    *,
    documents: int,
    indexing: Indexing,
    tuned: Mapping[str, Tuned],
    retraining: float | None,
    facts: int,
    taught: int,
    prices: Prices,
) -> list[Preparation]:
    """Of each arm that makes facts answerable: all but the model as it is, and the one that shows what is possible.

    One more fact is one more document to an arm that finds passages, and a training to an arm that knows by heart:
    measured where freshness was, else the share of one in the training that was. An arm that is given whole documents
    has nothing to prepare: what it costs is in its answers. Writing replay rows is in the preparation of every arm whose
    training shows them, since whoever wants that arm alone has to write them too; one more fact needs no new ones.

    Args:
        documents: in the index, 0 or more.
        indexing: see `measure_indexing`.
        tuned: candidates by arm (`TUNED`, which `BOTH` uses too, and `AWARE`).
        retraining: seconds of a training for one changed fact; None: not measured.
        facts, taught: in the documents, and in the training rows.

    Example:
        >>> (found,) = preparations(
        ...     ["retrieval"], documents=100, indexing=Indexing(0.05, 0.02), tuned={}, retraining=None,
        ...     facts=400, taught=300, prices=Prices(machine_hour=3.6),
        ... )
        >>> found
        Preparation(arm='retrieval', seconds=2.0, money=0.002, facts=400, seconds_per_fact=0.05, money_per_fact=5e-05, replay_seconds=0.0)
    """  # noqa: E501 - the preparation as it is printed
    index = documents * indexing.among_many
    found = []
    for arm in arms:
        seconds = per_fact = replay = 0.0
        if arm in FINDS:
            seconds, per_fact = index, indexing.alone
        own = {TUNED: TUNED, BOTH: TUNED, AWARE: AWARE}.get(arm)
        if own is not None:
            replay = tuned[own].replay_seconds
            seconds += tuned[own].seconds + replay
        if arm == TUNED:
            per_fact = retraining if retraining is not None else tuned[TUNED].seconds / max(1, taught)
        known = taught if arm == TUNED else facts
        money = prices.of_seconds(seconds), prices.of_seconds(per_fact)
        if arm in FINDS or arm == WHOLE or own is not None:
            found.append(Preparation(arm, seconds, money[0], known, per_fact, money[1], replay))
    return found
