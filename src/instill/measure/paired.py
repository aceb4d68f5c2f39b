"""Intervals of means and of paired differences, with whole documents drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_RESAMPLES = 4000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its interval, of 95% where nothing else is said."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def interval(
    values: Sequence[float] | Numbers, groups: Sequence[str], *, seed: int = 0, level: float = 0.95
) -> Interval:
    """The mean of `values` with its percentile interval; `groups` are drawn whole, with replacement.

    Questions about one document fail together, so drawing single questions would make the interval too narrow.
    For a paired comparison give the differences.

    Raises:
        ValueError: there are no values, or not as many groups.

    Example:
        >>> interval([1.0, 1.0, 1.0], ["a", "a", "b"])
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


@dataclass(frozen=True, slots=True)
class Choice:
    """The better of several ways, and what may be expected of choosing.

    Args:
        best: the way with the best mean over all questions.
        gain: cross-validated: each question is scored by the way that was best on the other documents, minus the way
            that is in use.
        kept: whether the gain's interval is above zero and so `best` should take the place of the way in use.
    """

    best: int
    gain: Interval
    kept: bool


def choose(scores: Numbers, groups: Sequence[str], *, folds: int = 5, seed: int = 0) -> Choice:
    """Choose a way by cross-validation over documents.

    The best mean over the questions that it was chosen on flatters it, the more ways there are; out of fold it does
    not.

    Args:
        scores: float64 `(ways, questions)`, higher is better; way 0 is the one in use, and of equal ones the first
            is taken.
        groups: the document of each question; its questions are in one fold.

    Raises:
        ValueError: there are fewer than two documents.
    """
    names = sorted(set(groups))
    if len(names) < 2:
        raise ValueError("cross-validation needs two documents at least")
    folds = min(folds, len(names))
    order = np.random.default_rng(seed).permutation(len(names))
    fold_of = {names[place]: number % folds for number, place in enumerate(order)}
    fold = np.array([fold_of[group] for group in groups])
    out_of_fold = np.empty(scores.shape[1])
    for number in range(folds):
        held = fold == number
        out_of_fold[held] = scores[_best(scores[:, ~held]), held]
    best = _best(scores)
    gain = interval(out_of_fold - scores[0], groups, seed=seed)
    return Choice(best, gain, best != 0 and gain.low > 0)


def _best(scores: Numbers) -> int:
    means = scores.mean(axis=1)
    return int(np.flatnonzero(means >= means.max() - 1e-12)[0])
