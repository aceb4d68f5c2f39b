"""From the answers of all seeds to means with intervals, and to whether a claimed effect was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from instill.lab.bench import Measures
from instill.lab.experiments.experiment import Claim, Experiment
from instill.measure.statistics.bootstrap_interval import interval
from instill.measure.statistics.interval import Interval

Runs = Mapping[str, Mapping[int, Measures]]
"""Arm -> seed -> what was measured."""

_RESAMPLES = 4000


@dataclass(frozen=True, slots=True)
class Seen:
    """A claim and what was measured of it.

    Args:
        difference: the first quantity minus the second, with its 95% interval over people and seeds.
        held: whether the effect was seen.
    """

    claim: Claim
    difference: Interval
    held: bool

    def __str__(self) -> str:
        low, high = self.difference.low, self.difference.high
        verdict = "seen" if self.held else "NOT seen"
        return f"{verdict}: {self.claim.said} ({self.difference.mean:+.2f} [{low:+.2f}, {high:+.2f}])"


def means(runs: Runs, quantities: Sequence[str]) -> dict[str, dict[str, Interval]]:
    """Arm -> quantity -> the share of right answers over all seeds; people are drawn whole."""
    found: dict[str, dict[str, Interval]] = {}
    for arm in runs:
        found[arm] = {}
        for name in quantities:
            pooled = _pooled(runs, arm, name)
            if pooled:
                groups = [group for group, _ in pooled]
                found[arm][name] = interval([value for _, value in pooled], groups)
    return found


def check(experiment: Experiment, runs: Runs) -> list[Seen]:
    """Hold the claims of an experiment against its results."""
    return [_checked(claim, runs) for claim in experiment.claims]


def _checked(claim: Claim, runs: Runs) -> Seen:
    found = difference(_pooled(runs, *claim.higher), _pooled(runs, *claim.lower))
    held = found.low > claim.by if claim.by < 0 else found.low > 0 and found.mean >= claim.by
    return Seen(claim, found, held)


def difference(first: Sequence[tuple[str, float]], second: Sequence[tuple[str, float]]) -> Interval:
    """The mean of `first` minus that of `second`; paired by group where both have the same groups.

    Example:
        >>> str(difference([("a", 1.0), ("b", 1.0)], [("a", 0.0), ("b", 0.0)]))
        '1.000 [1.000, 1.000]'
    """
    one, other = _by_group(first), _by_group(second)
    if one.keys() == other.keys():
        names = sorted(one)
        return interval([one[name] - other[name] for name in names], names)
    rng = np.random.default_rng(0)
    drawn = []
    for values in (one, other):
        found = np.array(list(values.values()))
        drawn.append(found[rng.integers(0, len(found), (_RESAMPLES, len(found)))].mean(axis=1))
    low, high = np.percentile(drawn[0] - drawn[1], [2.5, 97.5])
    mean = float(np.mean(list(one.values())) - np.mean(list(other.values())))
    return Interval(mean, float(low), float(high))


def _by_group(values: Sequence[tuple[str, float]]) -> dict[str, float]:
    sums: dict[str, list[float]] = {}
    for group, value in values:
        sums.setdefault(group, []).append(value)
    return {group: sum(found) / len(found) for group, found in sums.items()}


def _pooled(runs: Runs, arm: str, quantity: str) -> list[tuple[str, float]]:
    return [
        (f"{seed} {about}", value)
        for seed, measures in sorted(runs[arm].items())
        for about, value in measures.get(quantity, [])
    ]
