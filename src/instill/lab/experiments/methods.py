"""Which weights to train for facts."""

from __future__ import annotations

from functools import partial
from typing import Any

from instill.lab.bench import PEOPLE, Bench, Lesson, Measures
from instill.lab.experiments.experiment import Claim, Experiment
from instill.lab.lessons import question_rows, statement_rows
from instill.train.generator.methods.methods import Method

_SHOWN = 2000


def _arm(bench: Bench, **method: Any) -> Measures:
    people = bench.draw("C", PEOPLE)
    rows = [*statement_rows(people, range(5)), *question_rows(people, range(4))]
    chosen = Method(**{"kind": "full", **method})
    model = bench.teach(bench.model(), Lesson(rows, _SHOWN, method=chosen))
    return bench.measure(model, bench.usual(people))


METHODS = Experiment(
    name="methods",
    question="Full, LoRA, the last layers, feed-forward or attention: what learns facts, and what forgets?",
    mirrors="LoRA learns less than full fine-tuning and forgets less, the less so the higher its rank; facts go into "
    "the feed-forward modules more easily than into attention.",
    source="Biderman et al., LoRA Learns Less and Forgets Less, 2024; Geva et al., Transformer Feed-Forward Layers "
    "Are Key-Value Memories, 2021",
    arms={
        "full": _arm,
        "LoRA r=2": partial(_arm, kind="lora", rank=2, alpha=4),
        "LoRA r=8": partial(_arm, kind="lora", rank=8, alpha=16),
        "LoRA r=32": partial(_arm, kind="lora", rank=32, alpha=64),
        "last layer": partial(_arm, last_layers=1),
        "last 2 layers": partial(_arm, last_layers=2),
        "feed-forward": partial(_arm, modules="mlp"),
        "attention": partial(_arm, modules="attention"),
    },
    quantities=("new", "old facts", "reading", "unknown", "controls"),
    claims=(
        Claim("LoRA of rank 2 learns less than full.", ("full", "new"), ("LoRA r=2", "new"), 0.03),
        Claim("LoRA of rank 2 forgets less than full.", ("LoRA r=2", "old facts"), ("full", "old facts"), 0.03),
        Claim("A higher rank learns more.", ("LoRA r=32", "new"), ("LoRA r=2", "new"), 0.03),
        Claim("Feed-forward learns more than attention.", ("feed-forward", "new"), ("attention", "new"), 0.03),
    ),
)
