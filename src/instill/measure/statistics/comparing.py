"""Arms side by side on the same questions: differences, intervals, p-values.

Each pair's interval stands by itself, at 95%. Of many pairs some exclude 0 by chance; a claim that two arms differ is
therefore made from the adjusted p-value (Holm's, over all comparisons that were made).

"Each against the best" looks at the data to find the best, whose score is flattered by that: the winner's curse. Its
comparisons are therefore those of all pairs, adjusted over all pairs; an arm that was named beforehand needs
adjustment only over the comparisons with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instill.errors import UsageError
from instill.measure.statistics.grouped_mean_interval import SCORE, group_interval, limits
from instill.measure.statistics.interval_type import Interval
from instill.measure.statistics.multiple_comparisons import holm
from instill.measure.statistics.permutation import FLIPS, permutation_p_values

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Scores of arms on the same questions.

    Args:
        arms: their names, each once.
        scores: float64 `(arms, questions)`, 0 to 1, higher is better.
        groups: the document or fact of each question.

    Raises:
        ValueError: the shapes do not fit, a name stands twice, or a score is not between 0 and 1.
    """

    arms: tuple[str, ...]
    scores: Numbers
    groups: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.scores.shape != (len(self.arms), len(self.groups)) or not self.scores.size:
            raise ValueError(f"{len(self.arms)} arms, {len(self.groups)} groups, scores of shape {self.scores.shape}")
        if len(set(self.arms)) != len(self.arms):
            raise ValueError("an arm stands twice")
        if not ((self.scores >= 0) & (self.scores <= 1)).all():
            raise ValueError("a score is not between 0 and 1")

    @classmethod
    def of(cls, scores: Mapping[str, Sequence[float]], groups: Sequence[str]) -> Table:
        """From each arm's row of scores.

        Example:
            >>> Table.of({"closed book": [0, 0], "retrieval": [1, 0]}, ["a", "b"]).scores.shape
            (2, 2)
        """
        return cls(tuple(scores), np.array([list(row) for row in scores.values()], np.float64), tuple(groups))

    @property
    def questions(self) -> int:
        return len(self.groups)

    def row(self, arm: str) -> Numbers:
        """An arm's scores, float64 `(questions,)`.

        Raises:
            UsageError: there is no such arm.
        """
        if arm not in self.arms:
            raise UsageError("There is no such arm.", where=arm, remedy=f"Choose of: {', '.join(self.arms)}.")
        found: Numbers = self.scores[self.arms.index(arm)]
        return found

    def score(self, arm: str, *, level: float = 0.95) -> Interval:
        """An arm's mean score with its interval."""
        return group_interval(self.row(arm), self.groups, level=level, scale=SCORE)

    def all_scores(self, *, level: float = 0.95) -> dict[str, Interval]:
        """`score` of all arms."""
        found = limits(self.scores, self.groups, level=level, scale=SCORE)
        return {
            arm: Interval(float(mean), float(low), float(high))
            for arm, mean, low, high in zip(self.arms, *found, strict=True)
        }

    def best(self) -> str:
        """The arm with the highest mean; of equal ones the first. Its score flatters it."""
        means = self.scores.mean(axis=1)
        return self.arms[int(np.flatnonzero(means >= means.max() - 1e-12)[0])]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two arms.

    Args:
        difference: mean score of `first` minus that of `second`, with its 95% interval, for this pair alone.
        p: of the permutation test.
        adjusted: the same after Holm, over all comparisons that were made.
    """

    first: str
    second: str
    difference: Interval
    p: float
    adjusted: float

    def better(self, level: float = 0.05) -> str | None:
        """The arm that is measurably better; None when neither is shown to be."""
        if self.adjusted > level or not self.difference.mean:
            return None
        return self.first if self.difference.mean > 0 else self.second

    def turned(self) -> Comparison:
        """The same from the other arm's side."""
        mean, low, high = self.difference.mean, self.difference.low, self.difference.high
        return Comparison(self.second, self.first, Interval(-mean, -high, -low), self.p, self.adjusted)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        difference = {"mean": self.difference.mean, "low": self.difference.low, "high": self.difference.high}
        return {
            "first": self.first,
            "second": self.second,
            "difference": difference,
            "p": self.p,
            "adjusted": self.adjusted,
        }


def compare(
    table: Table, *, reference: str | None = None, level: float = 0.95, flips: int = FLIPS, seed: int = 0
) -> list[Comparison]:
    """All pairs of arms, or each other arm against one that was named before the scores were seen.

    Args:
        reference: each arm minus this one; None: all pairs, the earlier arm minus the later one.
        level: of the intervals.
        flips, seed: of the permutation test.

    Raises:
        UsageError: there is no such arm.

    Example:
        >>> table = Table.of({"retrieval": [1.0] * 8, "closed book": [0.0] * 8}, list("abcdefgh"))
        >>> (found,) = compare(table)
        >>> found.better(), found.p, str(found.difference)
        ('retrieval', 0.0078125, '1.000 [0.258, 1.000]')
    """
    if reference is None:
        pairs = list(combinations(range(len(table.arms)), 2))
    else:
        table.row(reference)
        other = table.arms.index(reference)
        pairs = [(arm, other) for arm in range(len(table.arms)) if arm != other]
    if not pairs:
        return []
    firsts, seconds = (list(side) for side in zip(*pairs, strict=True))
    differences = table.scores[firsts] - table.scores[seconds]
    p_values = permutation_p_values(differences, table.groups, flips=flips, seed=seed)
    columns = zip(pairs, *limits(differences, table.groups, level=level), p_values, holm(p_values), strict=True)
    return [
        Comparison(
            table.arms[first],
            table.arms[second],
            Interval(float(mean), float(low), float(high)),
            float(p),
            float(adjusted),
        )
        for (first, second), mean, low, high, p, adjusted in columns
    ]


def against_best(comparisons: Sequence[Comparison], best: str) -> list[Comparison]:
    """Of the comparisons of all pairs those with the arm that came out best, from the best's side.

    The adjustment stays that over all pairs: which ones would be looked at was decided by the scores.
    """
    return [
        found if found.first == best else found.turned() for found in comparisons if best in (found.first, found.second)
    ]
