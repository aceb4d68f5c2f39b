"""How many wordings a fact needs."""

from __future__ import annotations

from functools import partial

from instill.lab.experiments.experiment import Claim, Experiment
from instill.lab.lessons import biography_rows
from instill.lab.workbench import PEOPLE, Bench, Lesson, Measures

_SHOWN = 720
"""Biographies that every arm shows: sixty of each person, the same one or different ones."""


def _arm(bench: Bench, count: int, shuffled: bool) -> Measures:
    people = bench.draw("C", PEOPLE)
    rows = biography_rows(people, count, shuffled=shuffled, seed=bench.seed)
    model = bench.teach(bench.model(), Lesson(rows, _SHOWN))
    return bench.measure(model, bench.usual(people))


WORDINGS = Experiment(
    name="wordings",
    question="How many wordings does a fact need until it is known apart from its sentence?",
    mirrors="A model that saw each biography in one wording stores it and cannot be asked about it; with several "
    "wordings, and more so with the sentences in changing order, it can.",
    source="Allen-Zhu and Li, Physics of Language Models: Part 3.1, Knowledge Storage and Extraction, 2023",
    arms={
        "not taught": lambda bench: bench.measure(bench.model(), bench.usual(bench.draw("C", PEOPLE))),
        "1 wording": partial(_arm, count=1, shuffled=False),
        "5 wordings": partial(_arm, count=5, shuffled=False),
        "5 wordings, shuffled": partial(_arm, count=5, shuffled=True),
    },
    quantities=("new", "controls", "old facts", "reading"),
    claims=(
        Claim("Five wordings are recalled better than one.", ("5 wordings", "new"), ("1 wording", "new")),
        Claim("Shuffling the sentences helps further.", ("5 wordings, shuffled", "new"), ("5 wordings", "new")),
        Claim("One wording is learned at all.", ("1 wording", "new"), ("not taught", "new")),
    ),
)
