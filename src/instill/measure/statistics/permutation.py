"""The paired permutation test, with whole groups flipped.

If two arms are interchangeable on each document, every document's difference could as well have had the other sign. The
p-value is the share of all such flips whose mean difference is as far from 0 as the one that was seen (Fisher, "The
Design of Experiments", 1935, section 21). For right and wrong answers in groups of one question it is the exact test
of McNemar. Two-sided.

It is exact whenever that can be had:

- differences of groups that are whole numbers (right and wrong answers): the distribution over all flips is counted
  out, a group at a time, however many there are;
- else up to 14 groups that differ: all flips are made;
- else flips are drawn and the one that was seen is counted as one of them, (b + 1) / (m + 1), which never says 0 and
  keeps the level (Phipson and Smyth, "Permutation p-values should never be zero", Statistical Applications in Genetics
  and Molecular Biology 9, 2010, article 39).

Where the arms are only equal on average, but skewed differently, the level holds for many groups, not for few.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from instill.measure.statistics.grouping import grouped

Numbers = NDArray[np.float64]

ALL_FLIPS_UP_TO = 14
"""Groups that differ; above, flips are drawn."""

FLIPS = 9999

_COUNTED_UP_TO = 2e7  # groups times the sum of all: about a tenth of a second
_CELLS = 2_000_000
_EQUAL = 1e-9  # Sums of shares are not exact; of all, relative to the largest sum there can be.


def permutation_p(differences: ArrayLike, groups: Sequence[str], *, flips: int = FLIPS, seed: int = 0) -> float:
    """The two-sided p-value of a mean difference.

    Args:
        differences: `(questions,)`, one arm minus the other.
        groups: the document or fact of each question; its questions are flipped together.
        flips: how many are drawn where not all can be made.

    Returns:
        above 0, at most 1.

    Raises:
        ValueError: there are no differences, not as many groups, or no flips.

    Example:
        >>> permutation_p([1.0, 1.0, 1.0, 1.0], ["a", "b", "c", "d"])
        0.125
        >>> permutation_p([1.0, 1.0, 1.0, 1.0], ["a", "a", "b", "b"])
        0.5
    """
    return float(permutation_p_values(np.atleast_2d(np.asarray(differences)), groups, flips=flips, seed=seed)[0])


def permutation_p_values(
    differences: ArrayLike, groups: Sequence[str], *, flips: int = FLIPS, seed: int = 0
) -> Numbers:
    """`permutation_p` of many comparisons over the same questions, float64 `(comparisons,)`.

    Args:
        differences: `(comparisons, questions)`.
    """
    if flips < 1:
        raise ValueError("no flips")
    sums = np.abs(grouped(differences, groups).sums)
    seen = np.abs(grouped(differences, groups).sums.sum(axis=1))
    found = np.ones(len(sums))
    drawn = []
    for row, (each, far) in enumerate(zip(sums, seen, strict=True)):
        kept = each[each > 0]  # flipping a group without a difference changes nothing
        whole = bool((kept == np.round(kept)).all())
        if whole and len(kept) * kept.sum() <= _COUNTED_UP_TO:
            found[row] = _counted(kept.astype(np.int64), round(far))
        elif len(kept) <= ALL_FLIPS_UP_TO:
            found[row] = _all_flips(kept, far)
        else:
            drawn.append(row)
    if drawn:
        found[drawn] = _drawn(sums[drawn], seen[drawn], flips, seed)
    return found


def _counted(sums: NDArray[np.int64], far: int) -> float:
    """The sum of the groups that keep their sign is counted out; the total is twice that sum less all."""
    total = int(sums.sum())
    chances = np.zeros(total + 1)
    chances[0] = 1.0
    for each in sums:
        moved = chances[:-each] / 2
        chances /= 2
        chances[each:] += moved
    share = chances[np.abs(2 * np.arange(total + 1) - total) >= far].sum()
    return float(np.clip(share, np.finfo(np.float64).tiny, 1.0))


def _all_flips(sums: Numbers, far: float) -> float:
    """The first sign can stay: the other half of the flips is the mirror image."""
    numbers = np.arange(2 ** (len(sums) - 1))[:, None]
    signs = 1.0 - 2.0 * (numbers >> np.arange(len(sums)) & 1)
    return float(np.mean(np.abs(signs @ sums) >= far - _EQUAL * sums.sum()))


def _drawn(sums: Numbers, seen: Numbers, flips: int, seed: int) -> Numbers:
    """The same flips for all comparisons."""
    chance = np.random.default_rng(seed)
    least = seen - _EQUAL * sums.sum(axis=1)
    reached = np.zeros(len(sums))
    step = max(1, _CELLS // sums.shape[1])
    for start in range(0, flips, step):
        signs = 2.0 * chance.integers(0, 2, (min(step, flips - start), sums.shape[1]), dtype=np.int8) - 1
        reached += (np.abs(signs @ sums.T) >= least).sum(axis=0)
    return (reached + 1) / (flips + 1)
