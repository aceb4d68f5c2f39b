"""The rules by which a condition is met, not met, or cannot be decided. Pure functions over numbers.

One rule decides all conditions that bound a loss (a drop, a rise, a divergence, a share of bad replies). With the mean
loss, its 95% interval [low, high] and the tolerance:

- it FAILS when a loss is proven (low > 0) and its best estimate exceeds the tolerance (mean > tolerance);
- else it PASSES when a loss of three tolerances is ruled out (high <= 3 tolerance);
- else it CANNOT BE DECIDED, which does not pass, and the rows that are needed are told.

So a candidate that is as good as its base fails by chance in about 2.5% of measurements at most, and one that loses
three tolerances or more passes in about 2.5% at most, both however few the rows. An interval no wider than three
tolerances, and about as long on both sides of the mean, always decides: where the mean exceeds 1.5 tolerances, low is
above 0, and elsewhere high is within 3 tolerances.

A gain is the other way round: it passes only when it is proven, and so firmly that the same measurement, made with as
many other rows, would prove it again in four of five cases (`POWER`, as in `instill.measure.statistics.power`). An
interval that just clears the limit would do so in one of two. So six rows that are all gained are too few: they rule
out that there is no gain, and nothing more; nine are enough.

Rows that belong together (`group`: questions about one fact, say) fail together; they count as a group, not each by
itself. Where parts of a candidate are tried after the whole, their intervals are wider (`level_of_tries`), so that all
tries together let a candidate that loses three tolerances pass in about 5% at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np

from instill.measure.statistics.exact_share import upper_bound
from instill.measure.statistics.grouped_mean_interval import group_interval, upper_end
from instill.measure.statistics.interval_type import Interval
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval
from instill.measure.statistics.power import smallest

Decision = Literal["passed", "failed", "undecided", "not checked"]
"""`not checked`: there was nothing to measure it on, so that nothing speaks for or against it."""

SLACK = 3.0
"""A loss of so many tolerances must be ruled out."""

LEVEL = 0.95

POWER = 0.8
"""The chance with which a gain that passes would be proven again."""

FEWEST = 20
"""Rows below which the interval of a mean over tokens is not trusted."""

TOLERANCES = (0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
"""Losses that a gate is written with: the smallest that its rows can prove."""

_EDGE = 1e-9  # Sums of shares are not exact.


def loss_outcome(loss: Interval, tolerance: float) -> Decision:
    """What the rule above says.

    Example:
        >>> loss_outcome(Interval(0.10, 0.04, 0.16), 0.03), loss_outcome(Interval(0.01, -0.02, 0.04), 0.03)
        ('failed', 'passed')
        >>> loss_outcome(Interval(0.10, -0.10, 0.30), 0.03)
        'undecided'
    """
    if loss.low > 0 and loss.mean > tolerance + _EDGE:
        return "failed"
    return "passed" if loss.high <= SLACK * tolerance + _EDGE else "undecided"


def gain_outcome(gain: Interval, at_least: float, *, level: float = LEVEL) -> Decision:
    """Passed when the gain is proven to exceed `at_least`, and would be again; undecided when only its mean does.

    With the standard error s, the limit a and the quantiles z of level and power: the gain is proven again with the
    power when (mean - a) / s >= z_level + z_power. The interval's lower end is about mean - z_level s, so it must lie
    z_power / (z_level + z_power) of the way from the limit to the mean, three tenths.

    Args:
        level: of the interval.

    Example:
        >>> gain_outcome(Interval(0.2, 0.1, 0.3), 0.0), gain_outcome(Interval(0.2, -0.1, 0.5), 0.0)
        ('passed', 'undecided')
        >>> gain_outcome(Interval(1.0, 0.09, 1.0), 0.0), gain_outcome(Interval(0.0, 0.0, 0.0), 0.0)
        ('undecided', 'failed')
    """
    if not gain.mean > at_least + _EDGE:
        return "failed"
    return "passed" if gain.low >= floor_of_gain(gain.mean, at_least, level=level) - _EDGE else "undecided"


def floor_of_gain(mean: float, at_least: float, *, level: float = LEVEL) -> float:
    """Where the interval of a gain must begin; see `gain_outcome`.

    Example:
        >>> round(floor_of_gain(1.0, 0.0), 2), round(floor_of_gain(0.5, 0.2), 2)
        (0.3, 0.29)
    """
    quantile, power = NormalDist().inv_cdf((1 + level) / 2), NormalDist().inv_cdf(POWER)
    return at_least + (mean - at_least) * power / (quantile + power)


def level_of_tries(tries: int) -> float:
    """The level at which each of several tries is held against the tolerances, so that 95% hold for all (Bonferroni).

    Example:
        >>> round(level_of_tries(3), 4)
        0.9833
    """
    return 1 - (1 - LEVEL) / max(1, tries)


def paired(differences: Sequence[float], groups: Sequence[str] | None = None, *, level: float = LEVEL) -> Interval:
    """The mean of paired differences of scores, each from -1 to 1, with an interval that few rows cannot fool.

    See `instill.measure.statistics.grouped_mean_interval`: groups count whole, and differences that are all the same
    prove no certainty.

    Args:
        groups: of each row; None: each is its own.

    Raises:
        ValueError: there are no differences.

    Example:
        >>> print(paired([0.0] * 50))
        0.000 [-0.071, 0.071]
    """
    names = [str(number) for number in range(len(differences))] if groups is None else groups
    return group_interval(differences, names, level=level)


def per_token(
    sums: Sequence[float], counts: Sequence[int], groups: Sequence[str] | None = None, *, level: float = LEVEL
) -> Interval:
    """A mean over the tokens of all rows, with its interval; groups are drawn whole.

    Args:
        sums: of each row, over its tokens.
        counts: how many tokens each row has; rows without any do not count.
        groups: of each row; None: each is its own.

    Raises:
        ValueError: no row has tokens.

    Example:
        >>> per_token([2.0, 0.0], [2, 2]).mean
        0.5
    """
    names = [str(number) for number in range(len(counts))] if groups is None else groups
    kept = [each for each in zip(sums, counts, names, strict=True) if each[1]]
    if not kept:
        raise ValueError("no tokens")
    totals = np.array([total for total, _, _ in kept])
    numbers = np.array([count for _, count, _ in kept])
    of_token = np.repeat(np.array([name for _, _, name in kept]), numbers)
    return bootstrap_interval(np.repeat(totals / numbers, numbers), list(of_token), level=level)


def rows_for_loss(
    differences: Sequence[float], tolerance: float, groups: Sequence[str] | None = None, *, level: float = LEVEL
) -> int:
    """How many rows decide in any case, if their differences vary and hang together like these.

    Example:
        >>> rows_for_loss([0.0] * 10, 0.03), rows_for_loss([1.0, -1.0, 0.0, 0.0] * 5, 0.03)
        (81, 992)
    """
    return _rows_of_width(differences, SLACK * tolerance / 2, groups, level)


def rows_for_gain(
    differences: Sequence[float], at_least: float, groups: Sequence[str] | None = None, *, level: float = LEVEL
) -> int:
    """How many rows prove the gain, as `gain_outcome` asks for it, if they vary and hang together like these.

    Example:
        >>> rows_for_gain([1.0] * 6, 0.0), rows_for_gain([1.0] * 6, 0.5), rows_for_gain([1.0, 0.0, 0.0], 0.0)
        (9, 20, 28)
    """
    mean, variance = float(np.mean(differences)), float(np.var(differences))

    def enough(rows: int) -> bool:
        return _repeated(mean, variance, rows, level).low >= floor_of_gain(mean, at_least, level=level) - _EDGE

    return max(len(differences) + 1, ceil(_effect(differences, groups, level) * smallest(enough)))


def fewest_for_gain(at_least: float, *, level: float = LEVEL) -> int:
    """How many rows, or groups of rows, pass at the least: when all of them are gained.

    Example:
        >>> fewest_for_gain(0.0), fewest_for_gain(0.2)
        (9, 12)
    """
    return smallest(lambda rows: gain_outcome(_repeated(1.0, 0.0, rows, level), at_least, level=level) == "passed")


def fewest_for_loss(tolerance: float, *, level: float = LEVEL) -> int:
    """How many rows, or groups of rows, pass at the least: when nothing differs on any of them.

    Example:
        >>> fewest_for_loss(0.02), fewest_for_loss(0.1)
        (60, 11)
    """
    return smallest(lambda rows: loss_outcome(_repeated(0.0, 0.0, rows, level), tolerance) == "passed")


def rows_for_tokens(found: Interval, rows: int, tolerance: float) -> int:
    """How many rows decide in any case about a mean over tokens, if they vary like these `rows`."""
    return max(FEWEST, rows + 1, ceil(rows * ((found.high - found.low) / (SLACK * tolerance)) ** 2))


def provable_loss(groups: int, *, level: float = LEVEL) -> float:
    """The smallest of the usual tolerances that so many rows, or groups of rows, can prove; the largest where none is.

    Example:
        >>> [provable_loss(groups) for groups in (60, 40, 11, 1)]
        [0.02, 0.03, 0.1, 0.5]
    """
    return next((each for each in TOLERANCES if fewest_for_loss(each, level=level) <= groups), TOLERANCES[-1])


def rows_for_share(bad: int, rows: int, tolerance: float, *, level: float = LEVEL) -> int:
    """How many rows would pass, if the share of bad ones stays.

    Example:
        >>> rows_for_share(0, 10, 0.02), rows_for_share(1, 50, 0.02)
        (60, 168)
    """
    portion = min(bad / rows, tolerance)

    def enough(count: int) -> bool:
        return upper_bound(ceil(portion * count - _EDGE), count, (1 + level) / 2) <= SLACK * tolerance

    return max(rows + 1, smallest(enough))


def _rows_of_width(differences: Sequence[float], half: float, groups: Sequence[str] | None, level: float) -> int:
    """The fewest rows, more than these and as varied, whose interval is at most `half` to each side."""
    variance = float(np.var(differences))
    most = half if half > 0 else inf
    single = smallest(lambda rows: _repeated(0.0, variance, rows, level).high <= most)
    return max(len(differences) + 1, ceil(_effect(differences, groups, level) * single))


def _effect(differences: Sequence[float], groups: Sequence[str] | None, level: float) -> float:
    """How much more rows are needed because they hang together, 1 at least."""
    if groups is None:
        return 1.0
    together, apart = paired(differences, groups, level=level), paired(differences, level=level)
    return max(1.0, ((together.high - together.low) / (apart.high - apart.low)) ** 2)


def _repeated(mean: float, variance: float, rows: int, level: float) -> Interval:
    """The interval of so many differences with this mean and variance, each its own group, as `paired` gives it.

    Of differences that are -1, 0 or 1 mean and variance tell the shares; others are put half below and half above the
    mean.
    """
    square = min(1.0, variance + mean**2)
    if square >= abs(mean):
        shares = {-1.0: (square - mean) / 2, 0.0: 1 - square, 1.0: (square + mean) / 2}
    else:
        far = sqrt(variance)
        shares = {mean - far: 0.5, mean + far: 0.5} if far else {mean: 1.0}
    chance = (1 - level) / 2
    high = upper_end(shares, rows, chance=chance)
    low = -upper_end({-value: share_ for value, share_ in shares.items()}, rows, chance=chance)
    return Interval(mean, min(mean, low), max(mean, high))
