"""Values of questions, added up by group; and the check of what a user may set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from instill.errors import UsageError

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """Rows of values by group.

    Args:
        values: float64 `(rows, questions)`, questions sorted by group.
        sums: float64 `(rows, groups)`.
        counts: float64 `(groups,)`, the questions of each group.
    """

    values: Numbers
    sums: Numbers
    counts: Numbers


def grouped(values: ArrayLike, groups: Sequence[str]) -> Grouped:
    """Sort and add up.

    Args:
        values: `(rows, questions)`, or `(questions,)` for one row; finite.
        groups: the group of each question.

    Raises:
        ValueError: there are no questions, not as many groups, or a value is no number.

    Example:
        >>> grouped([1.0, 0.0, 1.0], ["b", "a", "b"]).sums.tolist()
        [[0.0, 2.0]]
    """
    rows = np.atleast_2d(np.asarray(values, np.float64))
    if rows.ndim != 2 or not rows.shape[1] or len(groups) != rows.shape[1]:
        raise ValueError(f"values of shape {rows.shape} and {len(groups)} groups")
    if not np.isfinite(rows).all():
        raise ValueError("a value is not a number")
    _, places, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    ordered = rows[:, np.argsort(places, kind="stable")]
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    return Grouped(ordered, np.add.reduceat(ordered, starts, axis=1), counts.astype(np.float64))


def check_between(value: float, name: str, low: float = 0.0, high: float = 1.0) -> None:
    """Refuse what does not lie strictly between `low` and `high`.

    Raises:
        UsageError: it does not.
    """
    if not low < value < high:
        raise UsageError(
            f"{value:g} is not between {low:g} and {high:g}.", where=name, remedy="Choose one between them."
        )
