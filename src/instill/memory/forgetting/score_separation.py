"""How well scores tell what was taught from what never was. Pure functions over numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt

import numpy as np

from instill.measure.statistics.interval_type import Interval

_Z = 1.959964


def auc(members: Sequence[float], others: Sequence[float]) -> Interval:
    """The chance that a member has a higher score than another, ties counting half, with its 95% interval.

    The standard error is Hanley and McNeil's ("The meaning and use of the area under a receiver operating
    characteristic (ROC) curve", Radiology 143, 1982, page 33). At 0 and 1 it would be 0, so a half is added to each
    side there.

    Raises:
        ValueError: one of both is empty.

    Example:
        >>> auc([3.0, 4.0], [1.0, 2.0]).mean, auc([1.0], [1.0]).mean
        (1.0, 0.5)
    """
    if not members or not others:
        raise ValueError("members and others are needed")
    one, other = np.asarray(members, float)[:, None], np.asarray(others, float)[None, :]
    found = float(((one > other) + 0.5 * (one == other)).mean())
    pairs = one.size * other.size
    area = min(max(found, 0.5 / pairs), 1 - 0.5 / pairs) if pairs > 1 else 0.5
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (one.size - 1) * (first - area**2) + (other.size - 1) * (second - area**2)
    wide = _Z * sqrt(max(variance, 0.0) / pairs)
    return Interval(found, max(0.0, found - wide), min(1.0, found + wide))


def same_distribution(one: Sequence[float], other: Sequence[float]) -> float:
    """The p-value of the two-sample Kolmogorov-Smirnov test: small where the two are not drawn alike.

    Stephens' approximation ("Use of the Kolmogorov-Smirnov, Cramer-Von Mises and related statistics without extensive
    tables", JRSS B 32, 1970). TOFU (Maini et al., 2024, section 2.3) calls it forget quality, between the model that
    forgot and one that never saw.

    Raises:
        ValueError: one of both is empty.

    Example:
        >>> same_distribution([1, 2, 3], [1, 2, 3]), round(same_distribution(range(20), range(40, 60)), 6)
        (1.0, 0.0)
    """
    if not len(one) or not len(other):
        raise ValueError("two samples are needed")
    first, second = np.sort(np.asarray(one, float)), np.sort(np.asarray(other, float))
    every = np.concatenate([first, second])
    apart = np.searchsorted(first, every, "right") / len(first) - np.searchsorted(second, every, "right") / len(second)
    size = sqrt(len(first) * len(second) / (len(first) + len(second)))
    at = (size + 0.12 + 0.11 / size) * float(np.abs(apart).max())
    if at < 0.2:
        return 1.0
    series = sum(exp(-2 * (k * at) ** 2) * (1.0 if k % 2 else -1.0) for k in range(1, 101))
    return min(1.0, max(0.0, 2 * series))


def extraction_strength(said: Sequence[int], wanted: Sequence[int]) -> float:
    """How much of a text a model goes on with by itself: 1 less the share that must be given so that the rest follows.

    Carlini et al., "Extracting Training Data from Large Language Models", 2021; as a score of forgetting by Dorna et
    al., "OpenUnlearning", 2025.

    Args:
        said: for each place the likeliest token after what stands before it; `wanted`: the text's.

    Example:
        >>> extraction_strength([5, 6, 7, 8], [5, 6, 7, 8]), extraction_strength([0, 0, 7, 8], [5, 6, 7, 8])
        (1.0, 0.5)
    """
    given = len(wanted)
    while given and said[given - 1] == wanted[given - 1]:
        given -= 1
    return 1 - given / max(1, len(wanted))
