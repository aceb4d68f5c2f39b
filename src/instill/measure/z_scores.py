"""Scores on a common scale, so that two kinds of them can be added."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def standardised(scores: ArrayLike, damping: float = 0.0) -> NDArray[np.float64]:
    """Each score's distance from the mean in standard deviations; zeros where all are the same but for rounding.

    Args:
        scores: of shape (n,); n may be 0.
        damping: this share of the largest absolute score is added to the deviation, so that scores which differ little
            compared with their size are not inflated.

    Example:
        >>> standardised([1.0, 3.0]).tolist(), standardised([0.1 + 0.2, 0.3]).tolist()
        ([-1.0, 1.0], [0.0, 0.0])
    """
    numbers = np.asarray(scores, np.float64)
    if not numbers.size:
        return numbers
    largest = float(np.abs(numbers).max())
    centred = numbers - numbers.mean()
    deviation = float(centred.std())
    # Smaller differences are rounding, which would be blown up to a ranking.
    if largest == 0 or deviation <= 1e-9 * largest:
        return np.zeros_like(numbers)
    return np.asarray(centred / (deviation + damping * largest), np.float64)
