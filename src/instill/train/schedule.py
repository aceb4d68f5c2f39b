"""The learning rate over a run."""

from __future__ import annotations

import math


def rate(step: int, steps: int, warmup: float) -> float:
    """Share of the peak learning rate at a step: it rises from 0 in a line, then falls to 0 in a line.

    Args:
        warmup: share of all steps over which it rises.

    Example:
        >>> [round(rate(step, 5, 0.4), 2) for step in range(5)]
        [0.5, 1.0, 1.0, 0.67, 0.33]
    """
    rising = max(1, math.ceil(steps * warmup))
    return (step + 1) / rising if step < rising else (steps - step) / max(1, steps - rising)
