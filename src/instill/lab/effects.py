"""From the answers of all seeds to means with intervals, and to whether a claimed effect was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np

from instill.lab.experiments.experiment import Claim, Experiment
from instill.lab.workbench import Measures
from instill.measure.statistics.interval_type import Interval
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval
from instill.measure.statistics.student import two_sided

Runs = Mapping[str, Mapping[int, Measures]]
"""Arm -> seed -> what was measured."""

_RESAMPLES = 4000


Verdict = Literal["seen", "the opposite was seen", "not shown either way"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A claim and what was measured of it.

    Args:
        difference: the first quantity minus the second, with its 95% interval over seeds and people.
    """

    claim: Claim
    difference: Interval

    @property
    def verdict(self) -> Verdict:
        """What the interval says; all of it lies on one side, or it says nothing."""
        least = -self.claim.no_worse_by
        if self.difference.low > least:
            return "seen"
        return "the opposite was seen" if self.difference.high < least else "not shown either way"

    @property
    def held(self) -> bool:
        """Whether the effect was seen."""
        return self.verdict == "seen"

    def __str__(self) -> str:
        low, high = self.difference.low, self.difference.high
        return f"{self.verdict}: {self.claim.said} ({self.difference.mean:+.2f} [{low:+.2f}, {high:+.2f}])"


def means(runs: Runs, quantities: Sequence[str]) -> dict[str, dict[str, Interval]]:
    """Arm -> quantity -> the share of right answers over all seeds; people are drawn whole."""
    found: dict[str, dict[str, Interval]] = {}
    for arm in runs:
        found[arm] = {}
        for name in quantities:
            pooled = _pooled(runs, arm, name)
            if pooled:
                groups = [group for group, _ in pooled]
                found[arm][name] = bootstrap_interval([value for _, value in pooled], groups)
    return found


def check(experiment: Experiment, runs: Runs) -> list[Seen]:
    """Hold the claims of an experiment against its results."""
    return [_checked(claim, runs) for claim in experiment.claims]


def _checked(claim: Claim, runs: Runs) -> Seen:
    over_people = difference(_pooled(runs, *claim.higher), _pooled(runs, *claim.lower))
    by_seed = [
        _mean(runs[claim.higher[0]][seed].get(claim.higher[1], ()))
        - _mean(runs[claim.lower[0]][seed].get(claim.lower[1], ()))
        for seed in sorted(runs[claim.higher[0]].keys() & runs[claim.lower[0]].keys())
    ]
    return Seen(claim, _wider(over_people, over_seeds(by_seed)))


def over_seeds(values: Sequence[float]) -> Interval:
    """The mean of one value a seed with its 95% interval (Student's t).

    What is trained and asked with one seed shares its draws, so that a seed is one observation, however many people
    were asked. A single seed says nothing of other seeds: its interval is a point, and that over people has to do.

    Example:
        >>> str(over_seeds([0.1, 0.2, 0.3]))
        '0.200 [-0.048, 0.448]'
    """
    found = np.asarray(values, np.float64)
    mean = float(found.mean()) if len(found) else 0.0
    if len(found) < 2:
        return Interval(mean, mean, mean)
    half = float(two_sided(0.05, len(found) - 1)) * float(found.std(ddof=1)) / sqrt(len(found))
    return Interval(mean, mean - half, mean + half)


def _wider(first: Interval, second: Interval) -> Interval:
    """Around the mean of the first; an effect has to hold for other people and for other seeds."""
    return Interval(first.mean, min(first.low, second.low), max(first.high, second.high))


def _mean(values: Sequence[tuple[str, float]]) -> float:
    by_group = _by_group(values)
    return sum(by_group.values()) / len(by_group) if by_group else 0.0


def difference(first: Sequence[tuple[str, float]], second: Sequence[tuple[str, float]]) -> Interval:
    """The mean of `first` minus that of `second`; paired by group where both have the same groups.

    Example:
        >>> str(difference([("a", 1.0), ("b", 1.0)], [("a", 0.0), ("b", 0.0)]))
        '1.000 [1.000, 1.000]'
    """
    one, other = _by_group(first), _by_group(second)
    if one.keys() == other.keys():
        names = sorted(one)
        return bootstrap_interval([one[name] - other[name] for name in names], names)
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
