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

A gain is the other way round: it passes only when it is proven.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, inf, sqrt
from typing import Literal

import numpy as np

from instill.measure.paired import Interval, interval
from instill.measure.risk import lower_bound, upper_bound

Outcome = Literal["passed", "failed", "undecided"]

SLACK = 3.0
"""A loss of so many tolerances must be ruled out."""

FEWEST = 20
"""Rows below which the interval of a mean over tokens is not trusted."""

_EDGE = 1e-9  # Sums of shares are not exact.
_NORMAL = 1.96


def loss_outcome(loss: Interval, tolerance: float) -> Outcome:
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


def gain_outcome(gain: Interval, at_least: float) -> Outcome:
    """Passed when the gain is proven to exceed `at_least`; undecided when only its mean does.

    Example:
        >>> gain_outcome(Interval(0.2, 0.1, 0.3), 0.0), gain_outcome(Interval(0.2, -0.1, 0.5), 0.0)
        ('passed', 'undecided')
        >>> gain_outcome(Interval(0.0, 0.0, 0.0), 0.0)
        'failed'
    """
    if gain.low > at_least + _EDGE:
        return "passed"
    return "undecided" if gain.mean > at_least + _EDGE else "failed"


def paired(differences: Sequence[float]) -> Interval:
    """The mean of paired differences of scores, each from -1 to 1, with a 95% interval that few rows cannot fool.

    The bootstrap has no width when all differences are the same: five rows without a change would prove that nothing
    changes. Therefore two imagined rows, one lost and one won, are drawn with the others (after Agresti and Min,
    "Simple improved confidence intervals for comparing matched proportions", Statistics in Medicine 24, 2005); the
    mean is that of the real ones. Without any change the ends are about 3 / rows.

    Raises:
        ValueError: there are no differences.

    Example:
        >>> print(paired([0.0] * 50))
        0.000 [-0.058, 0.058]
    """
    if not differences:
        raise ValueError("no differences")
    drawn = [*differences, 1.0, -1.0]
    found = interval(drawn, [str(number) for number in range(len(drawn))])
    mean = float(np.mean(differences))
    return Interval(mean, min(found.low, mean), max(found.high, mean))


def per_token(sums: Sequence[float], counts: Sequence[int]) -> Interval:
    """A mean over the tokens of all rows, with its 95% interval; rows are drawn whole.

    Args:
        sums: of each row, over its tokens.
        counts: how many tokens each row has; rows without any do not count.

    Raises:
        ValueError: no row has tokens.

    Example:
        >>> per_token([2.0, 0.0], [2, 2]).mean
        0.5
    """
    kept = [(total, count) for total, count in zip(sums, counts, strict=True) if count]
    if not kept:
        raise ValueError("no tokens")
    totals = np.array([total for total, _ in kept])
    numbers = np.array([count for _, count in kept])
    names = np.repeat(np.arange(len(kept)).astype(str), numbers)
    return interval(np.repeat(totals / numbers, numbers), list(names))


def share(bad: int, rows: int) -> Interval:
    """A share with its exact 95% interval (Clopper and Pearson).

    Example:
        >>> print(share(0, 100))
        0.000 [0.000, 0.036]
    """
    return Interval(bad / rows if rows else 0.0, lower_bound(bad, rows, 0.975), upper_bound(bad, rows, 0.975))


def rows_for_loss(differences: Sequence[float], tolerance: float) -> int:
    """How many rows decide in any case, if their differences vary like these.

    Example:
        >>> rows_for_loss([0.0] * 10, 0.03), rows_for_loss([1.0, -1.0, 0.0, 0.0] * 5, 0.03)
        (60, 949)
    """
    return max(len(differences) + 1, _rows_of_width(differences, SLACK * tolerance / 2))


def rows_for_gain(differences: Sequence[float], at_least: float) -> int:
    """How many rows prove the gain, if it stays as it is."""
    return max(len(differences) + 1, _rows_of_width(differences, float(np.mean(differences)) - at_least))


def rows_for_tokens(found: Interval, rows: int, tolerance: float) -> int:
    """How many rows decide in any case about a mean over tokens, if they vary like these `rows`."""
    return max(FEWEST, rows + 1, ceil(rows * ((found.high - found.low) / (SLACK * tolerance)) ** 2))


def rows_for_share(bad: int, rows: int, tolerance: float) -> int:
    """How many rows would pass, if the share of bad ones stays.

    Example:
        >>> rows_for_share(0, 10, 0.02), rows_for_share(1, 50, 0.02)
        (60, 168)
    """
    portion = min(bad / rows, tolerance)

    def enough(count: int) -> bool:
        return upper_bound(ceil(portion * count - _EDGE), count, 0.975) <= SLACK * tolerance

    return max(rows + 1, _smallest(enough))


def _rows_of_width(differences: Sequence[float], half: float) -> int:
    """The fewest rows, as varied as these and two imagined ones, whose interval is at most `half` to each side."""
    variance = float(np.var(differences))
    most = half if half > 0 else inf
    return _smallest(lambda rows: _NORMAL * sqrt(variance * rows + 2) / (rows + 2) <= most)


def _smallest(enough: Callable[[int], bool]) -> int:
    """The smallest number, from 1, that is enough."""
    high = 1
    while not enough(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
