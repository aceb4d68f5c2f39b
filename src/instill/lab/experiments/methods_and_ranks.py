"""Which weights to train for facts."""

from __future__ import annotations

from functools import partial
from typing import Any

from instill.lab.experiments.experiment import Claim, Experiment
from instill.lab.lessons import question_rows, statement_rows
from instill.lab.workbench import PEOPLE, Bench, Lesson, Measures
from instill.lab.world import Person
from instill.train.generator.methods.methods import Method

_SHOWN = 2000

METHOD_OF: dict[str, Method] = {
    "full": Method(kind="full"),
    "LoRA r=2": Method(kind="lora", rank=2, alpha=4),
    "LoRA r=8": Method(kind="lora", rank=8, alpha=16),
    "LoRA r=32": Method(kind="lora", rank=32, alpha=64),
    "last layer": Method(kind="full", last_layers=1),
    "last 2 layers": Method(kind="full", last_layers=2),
    "feed-forward": Method(kind="full", modules="mlp"),
    "attention": Method(kind="full", modules="attention"),
}

RATE_OF: dict[str, float] = {
    "full": 0.0005,
    "LoRA r=2": 0.01,
    "LoRA r=8": 0.005,
    "LoRA r=32": 0.005,
    "last layer": 0.004,
    "last 2 layers": 0.004,
    "feed-forward": 0.004,
    "attention": 0.004,
}
"""The learning rate, of five a factor of two apart, with which each learns most of three other seeds' people:
`python bench/lab_rates.py --seeds 3`. With one rate for all, the rates are compared and not the methods. The best rate
of the last four is the largest that was tried."""


def taught(bench: Bench, method: Method, rate: float) -> tuple[Any, list[Person]]:
    """The model after the lesson, and whom it was about."""
    people = bench.draw("C", PEOPLE)
    rows = [*statement_rows(people, range(5)), *question_rows(people, range(4))]
    return bench.teach(bench.model(), Lesson(rows, _SHOWN, method=method, learning_rate=rate)), people


def _arm(bench: Bench, name: str) -> Measures:
    model, people = taught(bench, METHOD_OF[name], RATE_OF[name])
    return bench.measure(model, bench.usual(people))


METHODS = Experiment(
    name="methods",
    question="Full, LoRA, the last layers, feed-forward or attention: what learns facts, and what forgets?",
    mirrors="LoRA learns less than full fine-tuning and forgets less, the less so the higher its rank; facts go into "
    "the feed-forward modules more easily than into attention.",
    source="Biderman et al., LoRA Learns Less and Forgets Less, 2024; Geva et al., Transformer Feed-Forward Layers "
    "Are Key-Value Memories, 2021",
    arms={name: partial(_arm, name=name) for name in METHOD_OF},
    quantities=("new", "old facts", "reading", "unknown", "controls"),
    claims=(
        Claim("LoRA of rank 2 learns less than full.", ("full", "new"), ("LoRA r=2", "new")),
        Claim("LoRA of rank 2 forgets less than full.", ("LoRA r=2", "old facts"), ("full", "old facts")),
        Claim("A higher rank learns more.", ("LoRA r=32", "new"), ("LoRA r=2", "new")),
        Claim("Feed-forward learns more than attention.", ("feed-forward", "new"), ("attention", "new")),
    ),
)
