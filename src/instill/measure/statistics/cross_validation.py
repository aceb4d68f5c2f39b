"""The better of several ways to do a thing, chosen by cross-validation over documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from instill.measure.statistics.interval_type import Interval, Numbers
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval


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
    gain = bootstrap_interval(out_of_fold - scores[0], groups, seed=seed)
    return Choice(best, gain, best != 0 and gain.low > 0)


def _best(scores: Numbers) -> int:
    means = scores.mean(axis=1)
    return int(np.flatnonzero(means >= means.max() - 1e-12)[0])
