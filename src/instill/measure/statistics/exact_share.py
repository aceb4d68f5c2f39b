"""The exact bounds of a share of independent draws (Clopper and Pearson, Biometrika 26, 1934, 404-413)."""

from __future__ import annotations

from math import exp, lgamma, log, log1p

from instill.measure.statistics.interval_type import Interval


def share_interval(count: int, total: int, *, level: float = 0.95) -> Interval:
    """A share with its exact two-sided interval; 0 to 1 around 0 without draws.

    Raises:
        ValueError: `count` is not from 0 to `total`, or `level` is not between 0 and 1.

    Example:
        >>> print(share_interval(0, 100))
        0.000 [0.000, 0.036]
    """
    confidence = (1 + level) / 2
    low, high = lower_bound(count, total, confidence), upper_bound(count, total, confidence)
    return Interval(count / total if total else 0.0, low, high)


def upper_bound(count: int, total: int, confidence: float = 0.95) -> float:
    """The exact one-sided upper bound of a share: with `confidence`, the true one is not above it.

    Example:
        >>> round(upper_bound(0, 29), 4), round(upper_bound(3, 50), 4), upper_bound(0, 0)
        (0.0981, 0.1478, 1.0)
    """
    _check(count, total)
    check_share(confidence, "confidence")
    if count >= total:
        return 1.0
    low, high = count / total, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if binomial_tail(count, total, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def lower_bound(count: int, total: int, confidence: float = 0.95) -> float:
    """The exact one-sided lower bound of a share; 0 without draws."""
    return 1 - upper_bound(total - count, total, confidence) if total else 0.0


def binomial_tail(count: int, total: int, share: float) -> float:
    """Probability that at most `count` of `total` independent draws have what each has with the probability `share`.

    Example:
        >>> round(binomial_tail(0, 29, 0.1), 4), round(binomial_tail(2, 10, 0.5), 4)
        (0.0471, 0.0547)
    """
    _check(count, total)
    if count >= total or share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    if count > total * share:  # the shorter side is above
        return 1 - _run_down(total - count - 1, total, 1 - share)
    return min(1.0, _run_down(count, total, share))


def check_share(value: float, name: str) -> None:
    """Refuse what does not lie strictly between 0 and 1.

    Raises:
        ValueError: it does not.
    """
    if not 0 < value < 1:
        raise ValueError(f"{name} lies between 0 and 1, not at {value}")


def _run_down(count: int, total: int, share: float) -> float:
    """The chances of `count`, `count - 1`, ... 0 of `total` added up; they fall, and the sum ends where they vanish."""
    ways = lgamma(total + 1) - lgamma(count + 1) - lgamma(total - count + 1)
    chance = added = exp(ways + count * log(share) + (total - count) * log1p(-share))
    for number in range(count, 0, -1):
        chance *= number / (total - number + 1) * (1 - share) / share
        added += chance
        if chance < 1e-17 * added:
            break
    return added


def _check(count: int, total: int) -> None:
    if not 0 <= count <= total:
        raise ValueError(f"{count} of {total} is no share")
