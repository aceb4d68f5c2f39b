"""That the arms of `bench/train.py` compute the same thing: `python bench/train_check.py WORK`, a process of its own.

Each pair begins with the same weights and takes the same steps on the same rows in float32; the losses of all steps,
which show every update before the last, must agree.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from train_arms import ARMS, MARK, Arm, Work

TOLERANCE = 1e-5
"""Largest difference of two losses, as a share of them."""

BATCH = 4
"""Rows of a step; there are two steps in an epoch, where rows are packed one."""

EPOCHS = 2


@dataclass(frozen=True, slots=True)
class Agreement:
    """Losses of the steps of an arm of ours and of its rival."""

    name: str
    ours: tuple[float, ...]
    trl: tuple[float, ...]

    @property
    def difference(self) -> float:
        """The largest, as a share of the loss."""
        return float(np.max(np.abs(np.subtract(self.ours, self.trl)) / np.abs(self.trl)))

    @property
    def holds(self) -> bool:
        return len(self.ours) == len(self.trl) and self.difference <= TOLERANCE


def rival_of(arm: Arm) -> Arm:
    """The arm of trl that trains the same in the same layout."""
    return Arm("trl", arm.kind, arm.packing)


def agreements(work: Work, arms: Iterable[Arm] = ARMS) -> Iterator[Agreement]:
    """Train each arm of ours and its rival for a few steps."""
    from train_ours import Ours
    from train_trl import Rival

    work = replace(work, precision="fp32", rate=1e-3, batch=BATCH, first=2 * BATCH)
    for arm in arms:
        if arm.side != "ours":
            continue
        others = {"batch_size": len(work.examples())} if arm.packing else {}
        with tempfile.TemporaryDirectory() as folder:
            with closing(Ours(arm, work, Path(folder))) as ours:
                mine = ours.losses(epochs=EPOCHS, **others)
            theirs = Rival(rival_of(arm), work, Path(folder)).losses(epochs=EPOCHS)
        yield Agreement(arm.name, tuple(mine), tuple(theirs))


def main() -> None:
    for each in agreements(Work(**json.loads(sys.argv[1]))):
        print(MARK + json.dumps([each.name, each.ours, each.trl]), flush=True)


if __name__ == "__main__":
    main()
