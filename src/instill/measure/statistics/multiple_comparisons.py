"""p-values of many comparisons, adjusted: compare the result with the level as if there were only one.

`holm` bounds the chance of a single false claim among all; the verdict uses it. `benjamini_hochberg` bounds the
expected share of false ones among what is listed; it suits lists of failures by kind, where a few false entries do no
harm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]


def holm(p_values: ArrayLike) -> Numbers:
    """Holm's step-down adjustment ("A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979). Holds however the comparisons depend on each other.

    Args:
        p_values: `(comparisons,)`, 0 to 1.

    Returns:
        float64 `(comparisons,)` in the same order; never below the raw ones, at most 1.

    Raises:
        ValueError: a p-value is not between 0 and 1.

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    values = _checked(p_values)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    adjusted[order] = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    return np.minimum(adjusted, 1.0)


def benjamini_hochberg(p_values: ArrayLike) -> Numbers:
    """The step-up adjustment of Benjamini and Hochberg ("Controlling the false discovery rate", Journal of the Royal
    Statistical Society B 57, 1995). Holds for independent comparisons and for such as depend positively.

    Args, Returns and Raises: as `holm`.

    Example:
        >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.04, 0.04]
    """
    values = _checked(p_values)
    order = np.argsort(values, kind="stable")[::-1]
    # A factor below 1 cannot come out of rounding this way: n / n is 1.
    factors = len(values) / np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum.accumulate(values[order] * factors)
    return np.minimum(adjusted, 1.0)


def _checked(p_values: ArrayLike) -> Numbers:
    values = np.asarray(p_values, np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError("p-values are a row of numbers from 0 to 1")
    return values
