"""The quantile of Student's t distribution, also for degrees of freedom that are no whole number."""

from __future__ import annotations

from functools import cache
from math import lgamma, pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]

_NODES = 64
_HALVINGS = 60


def two_sided(level: float, freedom: ArrayLike) -> Numbers:
    """What the absolute value of t exceeds with probability `level`.

    With t = sqrt(f) tan(a), the density of the angle a is proportional to cos(a)^(f-1) (Student, "The probable error of
    a mean", Biometrika 6, 1908); its integral is found by Gauss and Legendre's rule, the angle by halving.

    Args:
        level: above 0, below 1.
        freedom: degrees of freedom, any shape. Below 1 the quantile is infinite here: such data say nothing.

    Example:
        >>> two_sided(0.05, [1, 10, 1e6, 0.5]).round(3).tolist()
        [12.706, 2.228, 1.96, inf]
    """
    degrees = np.asarray(freedom, np.float64)
    unique, places = np.unique(degrees, return_inverse=True)
    found = np.array([_quantile(level, float(each)) if each >= 1 else np.inf for each in unique])
    return found[places].reshape(degrees.shape)


def _quantile(level: float, freedom: float) -> float:
    nodes, weights = _rule()
    whole = np.exp(lgamma(freedom / 2) - lgamma((freedom + 1) / 2)) * np.sqrt(pi) / 2
    low, high = 0.0, min(pi / 2, 40 / np.sqrt(freedom))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        inside = middle / 2 * float(weights @ np.cos(middle / 2 * (nodes + 1)) ** (freedom - 1)) / whole
        low, high = (low, middle) if inside > 1 - level else (middle, high)
    return float(np.sqrt(freedom) * np.tan((low + high) / 2))


@cache
def _rule() -> tuple[Numbers, Numbers]:
    """Places and weights of the integral; finding them costs more than all the rest."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights
