"""Training in shards by document, so that forgetting costs a shard: what is known when shards are put together?

The facts of some people of the laboratory's world are divided by person. Each shard is trained from the base by itself;
then the changes of all shards are added up, or averaged, or each question is asked to the shard that has its person
(routed). Shown beside: one training on all of them. Recall is in wordings that no row has; "old facts" and "reading"
are what the model could do before; the rebuild is the seconds of one shard, by those of all together.

    python bench/shards.py --people 4 --shards 2 4
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from instill.lab.lessons import question_rows, statement_rows
from instill.lab.measuring import reading, recall
from instill.lab.workbench import Bench, Lesson
from instill.lab.world import Person
from instill.models.weights import micro_folder
from instill.train.generator.methods.methods import Method

ATTRIBUTES = ("birthplace", "employer", "year")


def taught(bench: Bench, people: Sequence[Person], shown: int) -> tuple[dict[str, Tensor], float]:
    """The change of every weight after training on some people, and the seconds."""
    rows = [*statement_rows(people, range(5), ATTRIBUTES), *question_rows(people, range(6), ATTRIBUTES)]
    base = {name: each.clone() for name, each in bench.model().named_parameters()}
    began = time.process_time()
    lesson = Lesson(rows, shown * len(people), method=Method(kind="lora"), replay=0.5, learning_rate=3e-3)
    model = bench.teach(bench.model(), lesson).merge_and_unload()
    return {name: (each - base[name]).detach() for name, each in model.named_parameters()}, time.process_time() - began


def with_change(bench: Bench, changes: Sequence[Mapping[str, Tensor]], scale: float) -> Any:
    """The base with the sum of changes, by a factor."""
    model = bench.model()
    with torch.no_grad():
        for name, each in model.named_parameters():
            each.add_(scale * sum(change[name] for change in changes))
    return model


def main() -> None:
    """Train, put together, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--shards", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--shown", type=int, default=400, help="rows shown for each person")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    bench = Bench(micro_folder(), given.seed)
    people = bench.draw("C", given.people)
    asked = {
        "new": recall(people, seed=given.seed, attributes=ATTRIBUTES),
        "old facts": recall(bench.draw("A", 16), evaluated=False, seed=given.seed),
        "reading": reading(40, bench.world, seed=given.seed),
    }

    def shown(name: str, model: Any, seconds: str) -> None:
        found = bench.measure(model, asked)
        shares = " ".join(f"{key} {sum(v for _, v in each) / len(each):.3f}" for key, each in found.items())
        print(f"{name:28} {shares} {seconds}", flush=True)

    shown("base", bench.model(), "")
    whole, all_seconds = taught(bench, people, given.shown)
    shown("together", with_change(bench, [whole], 1.0), f"{all_seconds:.0f} s")
    for count in given.shards:
        parts = [people[number::count] for number in range(count)]
        made = [taught(bench, part, given.shown) for part in parts]
        changes = [change for change, _ in made]
        cost = f"rebuild {max(seconds for _, seconds in made) / all_seconds:.2f}"
        shown(f"{count} shards, summed", with_change(bench, changes, 1.0), cost)
        shown(f"{count} shards, averaged", with_change(bench, changes, 1 / count), cost)
        right = []
        for part, change in zip(parts, changes, strict=True):
            own = {"new": recall(part, seed=given.seed, attributes=ATTRIBUTES)}
            right += [value for _, value in bench.measure(with_change(bench, [change], 1.0), own)["new"]]
        print(f"{count} shards, routed: new {sum(right) / len(right):.3f} {cost}", flush=True)


if __name__ == "__main__":
    main()
