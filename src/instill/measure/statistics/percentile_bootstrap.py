"""Percentile intervals of means and of paired differences, with whole documents drawn (bootstrap)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from instill.measure.statistics.interval_type import Interval, Numbers

_RESAMPLES = 4000


def bootstrap_interval(
    values: Sequence[float] | Numbers, groups: Sequence[str], *, seed: int = 0, level: float = 0.95
) -> Interval:
    """The mean of `values` with its percentile interval; `groups` are drawn whole, with replacement.

    Questions about one document fail together, so drawing single questions would make the interval too narrow.
    For a paired comparison give the differences.

    Raises:
        ValueError: there are no values, or not as many groups.

    Example:
        >>> bootstrap_interval([1.0, 1.0, 1.0], ["a", "a", "b"])
        Interval(mean=1.0, low=1.0, high=1.0)
    """
    numbers = np.asarray(values, np.float64)
    if not len(numbers) or len(groups) != len(numbers):
        raise ValueError(f"{len(numbers)} values and {len(groups)} groups")
    _, places = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.bincount(places, numbers)
    counts = np.bincount(places).astype(np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (_RESAMPLES, len(sums)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [50 * (1 - level), 50 * (1 + level)])
    return Interval(float(numbers.mean()), float(low), float(high))
