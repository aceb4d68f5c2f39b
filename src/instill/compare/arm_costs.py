"""What each arm costs before its first answer, and for one more fact, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from instill.compare.arms.specification import TUNED, ArmSpecification
from instill.compare.changed.copies import put_again
from instill.compare.prices import Prices
from instill.compare.tuned.tuning_by_recipe import Tuned
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
    arms: Sequence[ArmSpecification],
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
        tuned: candidates, see `ArmSpecification.trained_as`.
        retraining: seconds of a training for one changed fact; None: not measured.
        facts, taught: in the documents, and in the training rows.

    Example:
        >>> from instill.compare.arms.specification import specifications
        >>> (found,) = preparations(
        ...     specifications(["retrieval"]), documents=100, indexing=Indexing(0.05, 0.02), tuned={}, retraining=None,
        ...     facts=400, taught=300, prices=Prices(machine_hour=3.6),
        ... )
        >>> found
        Preparation(arm='retrieval', seconds=2.0, money=0.002, facts=400, seconds_per_fact=0.05, money_per_fact=5e-05, replay_seconds=0.0)
    """  # noqa: E501 - the preparation as it is printed
    index = documents * indexing.among_many
    found = []
    for arm in arms:
        seconds = per_fact = replay = 0.0
        if arm.finds:
            seconds, per_fact = index, indexing.alone
        candidate = tuned.get(arm.trained_as or "")
        if candidate is not None:
            replay = candidate.replay_seconds
            seconds += candidate.seconds + replay
        by_heart = candidate is not None and arm.given == "nothing"
        if candidate is not None and by_heart:
            measured = retraining if arm.name == TUNED else None
            per_fact = measured if measured is not None else candidate.seconds / max(1, taught)
        money = prices.of_seconds(seconds), prices.of_seconds(per_fact)
        if arm.finds or arm.given == "whole" or candidate is not None:
            known = taught if by_heart else facts
            found.append(Preparation(arm.name, seconds, money[0], known, per_fact, money[1], replay))
    return found
