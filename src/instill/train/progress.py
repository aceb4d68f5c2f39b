"""What a training run reports while it goes, and where it keeps it. Imports nothing heavy."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

CHECKPOINT = "checkpoint.safetensors"
"""Name of the file in the folder of a run."""


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """Where a run stands; `loss` is the mean over the last steps, `seconds` of this process.

    `reward` is the mean of what the replies of this step earned, where replies are rewarded; the loss says nothing
    then.
    """

    step: int
    steps: int
    loss: float
    seconds: float
    resumed_at: int
    reward: float | None = None

    @property
    def said(self) -> str:
        """What a progress bar shows.

        Example:
            >>> TrainingStep(1, 9, 2.0, 0.5, 0).said, TrainingStep(1, 9, 0.0, 0.5, 0, reward=0.25).said
            ('loss 2.000', 'reward 0.250')
        """
        return f"loss {self.loss:.3f}" if self.reward is None else f"reward {self.reward:.3f}"


def logged(log: Path, progress: Callable[[TrainingStep], None] | None) -> Callable[[TrainingStep], None]:
    """A receiver that passes reports on and writes every twentieth, and the last, to `log` as JSON lines."""

    def report(entry: TrainingStep) -> None:
        if entry.step % 20 == 0 or entry.step == entry.steps:
            with log.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(asdict(entry)) + "\n")
        if progress is not None:
            progress(entry)

    return report


def entries(log: Path) -> list[TrainingStep]:
    """What `logged` wrote; nothing where there is no log, and without lines that a crash cut."""
    if not log.is_file():
        return []
    found = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            found.append(TrainingStep(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found


def spent(found: Sequence[TrainingStep]) -> float:
    """Seconds of training, over all processes that wrote these entries.

    Example:
        >>> first, second = TrainingStep(20, 60, 1.0, 4.0, 0), TrainingStep(40, 60, 0.9, 8.0, 0)
        >>> spent([first, second, TrainingStep(60, 60, 0.8, 5.0, 40)])
        13.0
    """
    if not found:
        return 0.0
    restarts = (entry for entry, after in pairwise(found) if after.seconds < entry.seconds)
    return sum(entry.seconds for entry in (*restarts, found[-1]))
