"""The curve score(n) = ceiling - scale * n**(-rate) through points, by weighted least squares within bounds.

The power law of the error is due to Hestness et al., "Deep Learning Scaling is Predictable, Empirically", arXiv
1712.00409, 2017, section 2; learning curves of this form were fitted by weighted least squares by Kolachina, Cancedda,
Dymetman and Venkatapathy, "Prediction of Learning Curves in Machine Translation", ACL 2012, section 3.

With the sizes divided by the smallest one, the curve is ceiling - drop * (n / smallest)**(-rate), and `drop` is what
the smallest size lacks. For a fixed rate it is a straight line in (ceiling, drop) and the bounds are a triangle, so the
best pair is known exactly; what is searched is the rate alone, from a grid over its whole range. Many sets of points
are fitted at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from instill.curve.results import Numbers

RATES = (0.05, 3.0)
"""Between these the rate is looked for; Hestness et al. (section 3) found 0.07 to 0.35 for large models trained from
scratch, fine-tuning and small tasks fall faster."""

_GRID = np.geomspace(*RATES, 24)
_NARROWINGS = 22
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class PowerLaws:
    """Curves, one for each row of points.

    Args:
        smallest: rows of the smallest size; `drop` is what the score lacks there.
        ceiling, drop, rate: float64 `(curves,)`; 0 <= drop <= ceiling <= 1, and the rate is within `RATES`.
        error: the weighted sum of squared residuals.
    """

    smallest: float
    ceiling: Numbers
    drop: Numbers
    rate: Numbers
    error: Numbers

    @property
    def scale(self) -> Numbers:
        """The factor before n**(-rate)."""
        return np.asarray(self.drop * self.smallest**self.rate, np.float64)

    def at(self, sizes: Numbers) -> Numbers:
        """Scores, float64 `(curves, sizes)`."""
        shrunk = np.power.outer(np.asarray(sizes, np.float64) / self.smallest, -self.rate).T
        return np.asarray(self.ceiling[:, None] - self.drop[:, None] * shrunk, np.float64)

    def doubling(self, size: float) -> Numbers:
        """What twice as many rows as `size` bring, float64 `(curves,)`."""
        return np.asarray(self.drop * (size / self.smallest) ** -self.rate * (1 - 2.0**-self.rate), np.float64)

    def enough(self, gain: float) -> Numbers:
        """The size from which on a doubling brings less than `gain`, float64 `(curves,)`; 0 where it never does."""
        with np.errstate(divide="ignore"):
            logs = np.log(self.drop * (1 - 2.0**-self.rate) / gain) / self.rate
        return np.asarray(self.smallest * np.exp(np.minimum(logs, 300.0)), np.float64)


def fit_power_laws(sizes: Numbers, means: Numbers, weights: Numbers) -> PowerLaws:
    """The best curve through each row of `means`.

    Args:
        sizes: float64 `(sizes,)`, rising, above 0, at least two.
        means: float64 `(curves, sizes)`.
        weights: float64 `(sizes,)`, above 0: one over the variance of a mean.

    Example:
        >>> sizes = np.array([10.0, 100.0, 1000.0])
        >>> found = fit_power_laws(sizes, 0.9 - 2.0 * sizes[None, :] ** -0.5, np.ones(3))
        >>> [round(float(each[0]), 3) for each in (found.ceiling, found.scale, found.rate)]
        [0.9, 2.0, 0.5]
    """
    logs = np.log(sizes / sizes[0])

    def error_of(log_rates: Numbers) -> Numbers:
        return _line(np.exp(-np.exp(log_rates)[:, None] * logs), means, weights)[2]

    shrunk = np.exp(-_GRID[:, None] * logs)
    errors = np.stack([_line(row[None, :], means, weights)[2] for row in shrunk], axis=1)
    best = errors.argmin(axis=1)
    low, high = (np.log(_GRID[np.clip(best + step, 0, len(_GRID) - 1)]) for step in (-1, 1))
    log_rate = _narrowed(error_of, low, high)
    rate = np.exp(log_rate)
    ceiling, drop, error = _line(np.exp(-rate[:, None] * logs), means, weights)
    # At the ends of the range the search comes close to the bound but not onto it.
    taken = errors[np.arange(len(best)), best] < error
    rate = np.where(taken, _GRID[best], rate)
    ceiling, drop, error = _line(np.exp(-rate[:, None] * logs), means, weights)
    return PowerLaws(float(sizes[0]), ceiling, drop, rate, error)


def _narrowed(error_of: Callable[[Numbers], Numbers], low: Numbers, high: Numbers) -> Numbers:
    """Golden-section search between `low` and `high`, for all curves at once."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = error_of(left), error_of(right)
    for _ in range(_NARROWINGS):
        lower = at_left <= at_right
        low, high = np.where(lower, low, left), np.where(lower, right, high)
        tried = np.where(lower, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        at_tried = error_of(tried)
        left, right = np.where(lower, tried, right), np.where(lower, left, tried)
        at_left, at_right = np.where(lower, at_tried, at_right), np.where(lower, at_left, at_tried)
    return np.asarray((low + high) / 2, np.float64)


def _line(shrunk: Numbers, means: Numbers, weights: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Ceiling, drop and error of the best `ceiling - drop * shrunk` with 0 <= drop <= ceiling <= 1.

    The error is convex: its least lies where it lies without bounds, if that is inside, and else on an edge.
    """
    share = weights / weights.sum()
    middle, height = shrunk @ share, means @ share
    across = ((shrunk - middle[:, None]) ** 2) @ share
    along = ((shrunk - middle[:, None]) * (means - height[:, None])) @ share
    drop = -along / np.maximum(across, 1e-300)
    ceiling = height + drop * middle
    inside = (drop >= 0) & (drop <= ceiling) & (ceiling <= 1)
    flat = np.clip(height, 0.0, 1.0)
    full = np.clip(((shrunk * (1 - means)) @ share) / ((shrunk**2) @ share), 0.0, 1.0)
    from_zero = np.clip((((1 - shrunk) * means) @ share) / np.maximum(((1 - shrunk) ** 2) @ share, 1e-300), 0.0, 1.0)
    ceilings = np.stack([np.where(inside, ceiling, flat), flat, np.ones_like(flat), from_zero])
    drops = np.stack([np.where(inside, drop, 0.0), np.zeros_like(flat), full, from_zero])
    residuals = ceilings[..., None] - drops[..., None] * shrunk - means
    errors = (residuals**2) @ weights
    best = np.where(inside, 0, errors.argmin(axis=0))
    columns = np.arange(len(best))
    return ceilings[best, columns], drops[best, columns], errors[best, columns]
