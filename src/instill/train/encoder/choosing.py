"""How far to go from the base to the trained encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from instill.encoders.protocol import Encoder
from instill.measure.paired import Interval, Numbers, interval
from instill.train.encoder.judging import RankingSet, judge
from instill.train.encoder.settings import ALPHAS

SLACK = 0.0005
"""A smaller loss of nDCG@10 on an unrelated set counts as none; int8 alone moves it by more."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One alpha: nDCG@10 on the held-out questions and its gain over the base, and on each unrelated set.

    `allowed`: nothing unrelated was lost.
    """

    alpha: float
    held_out: Interval
    gain: Interval
    unrelated: Sequence[float]
    allowed: bool


@dataclass(frozen=True, slots=True)
class Chosen:
    """The alpha to use, 0 for the base itself, and what it was chosen from; the base is the first."""

    alpha: float
    weighed: Sequence[Weighed]
    unrelated: Sequence[str]


def choose_alpha(
    encoder_at: Callable[[float], Encoder],
    held_out: RankingSet,
    unrelated: Sequence[RankingSet],
    *,
    alphas: Sequence[float] = ALPHAS,
    progress: Callable[[int, int], None] | None = None,
) -> Chosen:
    """The alpha with the best nDCG@10 on the held-out questions among those that lose nothing on an unrelated set."""
    total = len(alphas) + 1
    base: list[Numbers] = []
    weighed: list[Weighed] = []
    for done, alpha in enumerate((0.0, *alphas)):
        if progress is not None:
            progress(done, total)
        encoder = encoder_at(alpha)
        scores = [judge(encoder, given) for given in (held_out, *unrelated)]
        base = base or scores
        weighed.append(_weigh(alpha, scores, base, held_out.groups))
    allowed = [entry for entry in weighed if entry.allowed]
    best = max(allowed, key=lambda entry: (entry.held_out.mean, -entry.alpha))
    return Chosen(best.alpha, weighed, [given.name for given in unrelated])


def _weigh(alpha: float, scores: Sequence[Numbers], base: Sequence[Numbers], groups: Sequence[str]) -> Weighed:
    means = [float(np.mean(part)) for part in scores[1:]]
    before = [float(np.mean(part)) for part in base[1:]]
    allowed = all(now >= then - SLACK for now, then in zip(means, before, strict=True))
    return Weighed(alpha, interval(scores[0], groups), interval(scores[0] - base[0], groups), means, allowed)
