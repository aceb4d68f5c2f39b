"""How the mean score of each size would vary with other questions and other seeds, by bootstrap."""

from __future__ import annotations

import numpy as np

from instill.curve.results import Measured, Numbers

_MOST_AT_ONCE = 4_000_000  # Numbers, 32 MB.


def resampled_means(measured: Measured, *, resamples: int, seed: int) -> Numbers:
    """Means by size as they would come out with other questions and seeds, float64 `(resamples, sizes)`.

    Questions: groups are drawn whole with replacement, the same ones for all sizes, since all sizes answer the same
    questions (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8 and 9). Two imagined
    questions, one right and one wrong, are drawn with them at each size by itself, as in Agresti and Min, "Simple
    improved confidence intervals for comparing matched proportions", Statistics in Medicine 24, 2005: without them, a
    size at which all answers are the same would have no uncertainty.

    Seeds: how the mean differs from seed to seed beyond what the questions explain (the variance component of a
    two-way layout by the method of moments, pooled over sizes; Searle, Casella and McCulloch, "Variance Components",
    1992, chapter 4). Deviations of seeds, scaled to that variance, are drawn with replacement. Drawing seeds and
    questions as they are would count the noise of single answers twice or more (Owen, "The pigeonhole bootstrap",
    Annals of Applied Statistics 1, 2007, section 3). With one seed at every size nothing is known of this part, and it
    is left out.
    """
    chance = np.random.default_rng(seed)
    counts = measured.group_counts
    sums = np.stack([np.bincount(measured.places, scores.mean(axis=0)) for scores in measured.scores], axis=1)
    means = np.empty((resamples, sums.shape[1]))
    for start in range(0, resamples, step := max(1, _MOST_AT_ONCE // len(counts))):
        rows = means[start : start + step]
        drawn = chance.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), len(rows)).astype(np.float64)
        rows[:] = (drawn @ sums) / (drawn @ counts)[:, None]
    means += _imagined(measured, resamples, chance) + _from_seeds(measured, resamples, chance)
    return np.clip(means, 0.0, 1.0)


def seed_variance(measured: Measured) -> float:
    """Variance of a size's mean from seed to seed beyond what the questions explain; 0 with one seed everywhere."""
    found = freedom = 0.0
    for scores in measured.scores:
        seeds, questions = scores.shape
        if seeds < 2:
            continue
        deviations = scores.mean(axis=1) - scores.mean()
        mixed = scores - scores.mean(axis=0) - deviations[:, None]
        sums = np.stack([np.bincount(measured.places, row) for row in mixed])
        groups = sums.shape[1]
        explained = float((sums**2).sum()) / questions**2 * (groups / (groups - 1) if groups > 1 else 0.0)
        found += float((deviations**2).sum()) - explained
        freedom += seeds - 1
    return max(0.0, found / freedom) if freedom else 0.0


def _imagined(measured: Measured, resamples: int, chance: np.random.Generator) -> Numbers:
    right, wrong = chance.poisson(1.0, (2, resamples, len(measured.sizes))).astype(np.float64) - 1
    means = measured.means
    moved: Numbers = (right * (1 - means) - wrong * means) / (measured.questions + 2)
    return moved


def _from_seeds(measured: Measured, resamples: int, chance: np.random.Generator) -> Numbers:
    variance = seed_variance(measured)
    moved = np.zeros((resamples, len(measured.sizes)))
    if variance <= 0:
        return moved
    deviations = np.concatenate([scores.mean(axis=1) - scores.mean() for scores in measured.scores if len(scores) > 1])
    deviations *= np.sqrt(variance / np.mean(deviations**2))
    for column, seeds in enumerate(measured.seeds):
        moved[:, column] = chance.choice(deviations, (resamples, int(seeds))).mean(axis=1)
    return moved
