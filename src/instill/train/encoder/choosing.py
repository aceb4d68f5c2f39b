"""How far to go from the base to the trained encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from instill.measure.statistics.interval_type import Interval, Numbers
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval
from instill.models.encoders.protocol import Encoder
from instill.train.encoder.ranking_quality import RankingSet, judge
from instill.train.encoder.settings import SHARES, Share

SLACK = 0.0005
"""A smaller loss of nDCG@10, on average over the unrelated sets, counts as none; int8 alone moves it by more."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One share: nDCG@10 on the held-out questions and its gain over the base, and on each unrelated set,
    with the change there.

    `allowed`: no unrelated set got measurably worse, and all together did not get worse.
    """

    share: Share
    held_out: Interval
    gain: Interval
    unrelated: Sequence[float]
    changes: Sequence[Interval]
    allowed: bool


@dataclass(frozen=True, slots=True)
class Chosen:
    """The share to use, of alpha 0 for the base itself, and what it was chosen from; the base is the first."""

    share: Share
    weighed: Sequence[Weighed]
    unrelated: Sequence[str]


def choose_share(
    encoder_at: Callable[[Share], Encoder],
    held_out: RankingSet,
    unrelated: Sequence[RankingSet],
    *,
    shares: Sequence[Share] = SHARES,
    progress: Callable[[int, int], None] | None = None,
) -> Chosen:
    """The share with the best nDCG@10 on the held-out questions that forgets nothing; of equal ones the first."""
    sets = (held_out, *unrelated)
    total = len(shares) + 1
    base: list[Numbers] = []
    weighed: list[Weighed] = []
    for done, share in enumerate((Share(), *shares)):
        if progress is not None:
            progress(done, total)
        encoder = encoder_at(share)
        scores = [judge(encoder, given) for given in sets]
        base = base or scores
        weighed.append(_weigh(share, scores, base, sets))
    allowed = [entry for entry in weighed if entry.allowed]
    best = max(allowed, key=lambda entry: entry.held_out.mean)
    return Chosen(best.share, weighed, [given.name for given in unrelated])


def _weigh(share: Share, scores: Sequence[Numbers], base: Sequence[Numbers], given: Sequence[RankingSet]) -> Weighed:
    changes = [bootstrap_interval(now - then, each.groups) for now, then, each in zip(scores, base, given, strict=True)]
    gain, unrelated = changes[0], changes[1:]
    together = float(np.mean([change.mean for change in unrelated])) if unrelated else 0.0
    return Weighed(
        share,
        bootstrap_interval(scores[0], given[0].groups),
        gain,
        [float(np.mean(part)) for part in scores[1:]],
        unrelated,
        allowed=together >= -SLACK and all(change.high >= 0 for change in unrelated),
    )
