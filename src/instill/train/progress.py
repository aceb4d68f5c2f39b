"""What a training run reports while it goes, and where it keeps it. Imports nothing heavy."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

CHECKPOINT = "checkpoint.safetensors"
"""Name of the file in the folder of a run."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands; `loss` is the mean over the last steps, `seconds` of this process."""

    step: int
    steps: int
    loss: float
    seconds: float
    resumed_at: int


def logged(log: Path, progress: Callable[[Progress], None] | None) -> Callable[[Progress], None]:
    """A receiver that passes reports on and writes every twentieth, and the last, to `log` as JSON lines."""

    def report(entry: Progress) -> None:
        if entry.step % 20 == 0 or entry.step == entry.steps:
            with log.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(asdict(entry)) + "\n")
        if progress is not None:
            progress(entry)

    return report
