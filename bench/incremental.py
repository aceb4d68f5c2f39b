"""New facts arrive in batches: train all anew, go on from the weights, or merge an adapter of each batch?

People of the laboratory's world arrive in batches, and their facts are to be known by heart. Ways to add a batch:

- joint: train the base on all facts so far, as `instill consolidate` does;
- in sequence: go on from the weights of the batch before, on the new facts and replay of earlier abilities;
- in sequence, older facts again: the same, with a quarter of the rows of all older facts among the new ones;
- merged: train an adapter on each batch from the base, and add up their changes, or average them.

After each batch: recall of the facts of the newest and of the oldest batch in wordings that no row has, what the model
could do before, and the processor seconds that adding the batch took.

    OMP_NUM_THREADS=1 python bench/incremental.py --seeds 0 1 --people 4 --batches 3
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from shards import ATTRIBUTES, with_change

from instill.lab.lessons import question_rows, statement_rows
from instill.lab.measuring import reading, recall
from instill.lab.workbench import Bench, Lesson
from instill.lab.world import Person
from instill.measure.statistics.grouped_mean_interval import SCORE, group_interval
from instill.models.weights import micro_folder
from instill.train.generator.data.rows import Row
from instill.train.generator.methods.methods import Method

WAYS = ("joint", "in sequence", "in sequence, older facts again", "merged, added up", "merged, averaged")
MEASURES = ("newest", "oldest", "old facts", "reading")
_OLDER = 4
"""Of so many rows of older facts one is trained again."""


@dataclass(frozen=True)
class Found:
    """What a way knows after a batch: 1 or 0 for each question, with what it is about."""

    seed: int
    batch: int
    way: str
    seconds: float
    measures: dict[str, list[tuple[str, float]]]


class Ways:
    """The ways over the batches of one seed.

    Args:
        shown: rows that are shown for each person.
    """

    def __init__(self, seed: int, batches: int, people: int, shown: int) -> None:
        self.bench = Bench(micro_folder(), seed)
        drawn = self.bench.draw("C", batches * people)
        self.batches = [drawn[number * people : (number + 1) * people] for number in range(batches)]
        self.seed, self.shown = seed, shown
        self.base = {name: each.clone() for name, each in self.bench.model().named_parameters()}
        self.going: dict[str, Any] = {}
        self.changes: list[dict[str, torch.Tensor]] = []

    def rows(self, people: Sequence[Person]) -> list[Row]:
        """Five statements and six questions of each fact."""
        return [*statement_rows(people, range(5), ATTRIBUTES), *question_rows(people, range(6), ATTRIBUTES)]

    def taught(self, model: Any, rows: Sequence[Row], exposures: float) -> Any:
        """The model after training on rows."""
        lesson = Lesson(rows, round(exposures), method=Method(kind="lora"), replay=0.5, learning_rate=3e-3)
        return self.bench.teach(model, lesson).merge_and_unload()

    def live(self, tell: Callable[[Found], None]) -> None:
        """Batch after batch."""
        for number, new in enumerate(self.batches):
            so_far = [person for batch in self.batches[: number + 1] for person in batch]
            older = so_far[: -len(new)]
            began = time.process_time()
            model = self.taught(self.bench.model(), self.rows(so_far), self.shown * len(so_far))
            tell(self.found("joint", number, time.process_time() - began, model))
            began = time.process_time()
            alone = model if not number else self.taught(self.bench.model(), self.rows(new), self.shown * len(new))
            seconds = time.process_time() - began
            change = {name: (each - self.base[name]).detach() for name, each in alone.named_parameters()}
            self.changes.append(change)
            if not number:
                self.going = dict.fromkeys(WAYS[1:3], model)
                continue
            for way, scale in ((WAYS[3], 1.0), (WAYS[4], 1 / len(self.changes))):
                tell(self.found(way, number, seconds, with_change(self.bench, self.changes, scale)))
            for way in WAYS[1:3]:
                again = self.rows(older)[::_OLDER] if way == WAYS[2] else []
                rows = [*self.rows(new), *again]
                began = time.process_time()
                exposures = self.shown * len(new) * len(rows) / len(self.rows(new))
                self.going[way] = self.taught(_copy(self.bench, self.going[way]), rows, exposures)
                tell(self.found(way, number, time.process_time() - began, self.going[way]))

    def found(self, way: str, batch: int, seconds: float, model: Any) -> Found:
        """Ask everything."""
        asked = {
            "newest": recall(self.batches[batch], seed=self.seed, attributes=ATTRIBUTES),
            "oldest": recall(self.batches[0], seed=self.seed, attributes=ATTRIBUTES),
            "old facts": recall(self.bench.draw("A", 16), evaluated=False, seed=self.seed),
            "reading": reading(40, self.bench.world, seed=self.seed),
        }
        found = self.bench.measure(model, asked)
        measures = {name: [(f"{self.seed} {about}", float(v)) for about, v in each] for name, each in found.items()}
        return Found(self.seed, batch, way, seconds, measures)


def _copy(bench: Bench, model: Any) -> Any:
    """A model of its own with the same weights: teaching changes a model in place."""
    copy = bench.model()
    copy.load_state_dict(model.state_dict())
    return copy


def summary(found: Sequence[Found]) -> str:
    """A Markdown table of the ways after each batch, over seeds."""
    lines = ["| after batch | way | " + " | ".join(MEASURES) + " | seconds |", "|---" * (len(MEASURES) + 3) + "|"]
    for batch in sorted({each.batch for each in found}):
        for way in WAYS:
            some = [each for each in found if (each.batch, each.way) == (batch, way)]
            if some:
                cells = [_interval([pair for each in some for pair in each.measures[name]]) for name in MEASURES]
                seconds = sum(each.seconds for each in some) / len(some)
                lines.append(f"| {batch + 1} | {way} | {' | '.join(cells)} | {seconds:.0f} |")
    return "\n".join(lines)


def _interval(pairs: Sequence[tuple[str, float]]) -> str:
    found = group_interval([value for _, value in pairs], [about for about, _ in pairs], scale=SCORE)
    return f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]"


def main() -> None:
    """Live through the batches of each seed, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--batches", type=int, default=3)
    parser.add_argument("--people", type=int, default=4, help="of a batch")
    parser.add_argument("--shown", type=int, default=400, help="rows shown for each person")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found: list[Found] = []

    def tell(one: Found) -> None:
        found.append(one)
        shares = " ".join(f"{name} {_interval(one.measures[name])}" for name in MEASURES)
        print(f"seed {one.seed} batch {one.batch + 1} {one.way}: {shares} {one.seconds:.0f} s", flush=True)

    for seed in given.seeds:
        Ways(seed, given.batches, given.people, given.shown).live(tell)
        if given.out:
            given.out.write_text(json.dumps([asdict(each) for each in found], indent=1))
    print(summary(found))


if __name__ == "__main__":
    main()
