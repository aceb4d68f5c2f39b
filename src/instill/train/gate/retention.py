"""Tasks that are trained one after the other: what is left of the earlier ones. Pure functions over numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True, slots=True)
class Retention:
    """Scores after each stage of training.

    Args:
        tasks: in the order in which they were trained.
        scores: row i, column j: the score on task j after stage i, that is, after tasks 0 to i.
        before: of each task, the score before any training; empty when it was not measured.

    Raises:
        ValueError: the numbers are not one row a stage and one column a task.

    Example:
        >>> found = Retention(("a", "b", "c"), ((0.9, 0.1, 0.0), (0.5, 0.8, 0.1), (0.6, 0.4, 0.9)), (0.0, 0.0, 0.0))
        >>> round(found.average, 3), round(found.backward_transfer, 3), round(found.forward_transfer, 3)
        (0.633, -0.35, 0.1)
        >>> round(found.forgetting, 3)
        0.35
    """

    tasks: tuple[str, ...]
    scores: tuple[tuple[float, ...], ...]
    before: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.tasks)
        rows = [*self.scores, *([self.before] if self.before else [])]
        if not count or len(self.scores) != count or any(len(row) != count for row in rows):
            raise ValueError(f"{count} tasks need {count} rows of {count} scores")

    @property
    def average(self) -> float:
        """The mean score over all tasks in the end (ACC of Lopez-Paz and Ranzato)."""
        return fmean(self.scores[-1])

    @property
    def backward_transfer(self) -> float:
        """How later tasks changed the earlier ones: below 0, they were forgotten.

        The mean, over all tasks but the last, of the score in the end minus that right after the task was trained
        (Lopez-Paz and Ranzato, "Gradient episodic memory for continual learning", NIPS 2017). 0 for one task.
        """
        last = self.scores[-1]
        return _mean([last[task] - self.scores[task][task] for task in range(len(self.tasks) - 1)])

    @property
    def forward_transfer(self) -> float:
        """How earlier tasks helped those not yet trained (the same paper). 0 for one task.

        Raises:
            ValueError: there are no scores from before the training.
        """
        if not self.before:
            raise ValueError("forward transfer needs the scores from before any training")
        return _mean([self.scores[task - 1][task] - self.before[task] for task in range(1, len(self.tasks))])

    @property
    def forgetting(self) -> float:
        """The mean of `forgotten` in the end, over all tasks but the last. 0 for one task."""
        return _mean(self.forgotten())

    def forgotten(self, stage: int | None = None) -> list[float]:
        """Of each task but the stage's own: its best score at any earlier stage minus that after `stage`.

        (Chaudhry, Dokania, Ajanthan and Torr, "Riemannian walk for incremental learning", ECCV 2018.) Below 0
        where a later task helped. It differs from backward transfer where a task was best at another stage than right
        after its own.

        Args:
            stage: by default the last.

        Example:
            >>> Retention(("a", "b"), ((0.75, 0.25), (0.5, 1.0))).forgotten()
            [0.25]
        """
        stage = len(self.tasks) - 1 if stage is None else stage
        now = self.scores[stage]
        return [max(row[task] for row in self.scores[:stage]) - now[task] for task in range(stage)]

    def table(self) -> str:
        """The matrix as text, with what follows from it.

        Example:
            >>> print(Retention(("old", "new"), ((0.75, 0.25), (0.5, 1.0))).table())
            after  old   new
            old    0.75  0.25
            new    0.50  1.00
            average 0.750, backward transfer -0.250, forgetting 0.250
        """
        rows = [("before", *map(_shown, self.before))] if self.before else []
        rows += [(task, *map(_shown, row)) for task, row in zip(self.tasks, self.scores, strict=True)]
        parts = [
            f"average {self.average:.3f}",
            f"backward transfer {self.backward_transfer:.3f}",
            *([f"forward transfer {self.forward_transfer:.3f}"] if self.before else []),
            f"forgetting {self.forgetting:.3f}",
        ]
        return "\n".join([*_aligned([("after", *self.tasks), *rows]), ", ".join(parts)])


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0


def _shown(score: float) -> str:
    return f"{score:.2f}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
