"""What a training with so many rows scored, and the results of all sizes and seeds as numbers to compute with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Result:
    """One training and what it scored.

    Args:
        size: rows that it was trained on, from 1.
        seed: of the subset and of the training.
        scores: of each question, 0 to 1; the same questions in the same order in every result.
        seconds: how long training and asking took; 0 when unknown.
    """

    size: int
    seed: int
    scores: tuple[float, ...]
    seconds: float = field(default=0.0, compare=False)

    @property
    def mean(self) -> float:
        return float(np.mean(self.scores))


@dataclass(frozen=True, slots=True)
class Measured:
    """The results by size.

    Args:
        sizes: rising.
        scores: for each size float64 `(seeds, questions)`.
        places: int64 `(questions,)`: the number of each question's group.
    """

    sizes: tuple[int, ...]
    scores: tuple[Numbers, ...]
    places: NDArray[np.int64]

    @property
    def questions(self) -> int:
        return len(self.places)

    @property
    def means(self) -> Numbers:
        """Of each size, over its seeds and questions."""
        return np.array([scores.mean() for scores in self.scores])

    @property
    def seeds(self) -> NDArray[np.int64]:
        """Of each size, how many."""
        return np.array([len(scores) for scores in self.scores])

    @property
    def group_counts(self) -> Numbers:
        """Of each group, how many questions it has."""
        return np.bincount(self.places).astype(np.float64)

    def from_size(self, number: int) -> Measured:
        """Without the `number` smallest sizes."""
        return Measured(self.sizes[number:], self.scores[number:], self.places)


def by_size(results: Iterable[Result], groups: Sequence[str] | None = None) -> Measured:
    """Put results in order.

    Args:
        groups: of each question (its fact or document); None: every question is its own group.

    Raises:
        ValueError: there are no results or no questions, a size and seed is there twice, a score is not within 0 to 1,
            or the results differ in how many questions they have.

    Example:
        >>> found = by_size([Result(20, 0, (1.0, 0.5)), Result(10, 0, (0.0, 0.5)), Result(10, 1, (0.0, 0.5))])
        >>> found.sizes, found.means.tolist(), found.seeds.tolist()
        ((10, 20), [0.25, 0.75], [2, 1])
    """
    ordered = sorted(results, key=lambda result: (result.size, result.seed))
    if not ordered or not ordered[0].scores:
        raise ValueError("no results")
    questions = len(ordered[0].scores)
    names = list(groups) if groups is not None else [f"{number}" for number in range(questions)]
    keys = [(result.size, result.seed) for result in ordered]
    if len(set(keys)) < len(keys):
        raise ValueError("a size and seed is there twice")
    if len(names) != questions or any(len(result.scores) != questions for result in ordered):
        raise ValueError("the results have different numbers of questions, or not as many groups")
    table = np.array([result.scores for result in ordered], np.float64)
    if not ((table >= 0) & (table <= 1)).all():
        raise ValueError("a score is not within 0 to 1")
    sizes = tuple(sorted({size for size, _ in keys}))
    if sizes[0] < 1:
        raise ValueError(f"a size of {sizes[0]} rows")
    of_row = np.array([size for size, _ in keys])
    places = np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)
    return Measured(sizes, tuple(table[of_row == size] for size in sizes), places)
