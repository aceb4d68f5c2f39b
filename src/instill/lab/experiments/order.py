"""Three groups of people, one after the other or all together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from instill.lab.experiments.experiment import Claim, Experiment
from instill.lab.lessons import question_rows, statement_rows
from instill.lab.measuring import recall
from instill.lab.workbench import PEOPLE, Bench, Lesson, Measures
from instill.lab.world import Person
from instill.train.generator.data.rows import Row

_SHOWN = 1500


def _rows(people: Sequence[Person]) -> list[Row]:
    return [*statement_rows(people, range(3)), *question_rows(people, range(4))]


def _groups(bench: Bench) -> list[list[Person]]:
    people = bench.draw("C", 3 * PEOPLE)
    return [people[start : start + PEOPLE] for start in range(0, 3 * PEOPLE, PEOPLE)]


def _measure(bench: Bench, model: Any) -> Measures:
    groups = _groups(bench)
    usual = bench.usual(groups[0])
    asked = {f"group {number}": recall(people, seed=bench.seed) for number, people in enumerate(groups, 1)}
    return bench.measure(model, {**asked, "old facts": usual["old facts"], "reading": usual["reading"]})


def _sequential(bench: Bench, replay: float) -> Measures:
    model = bench.model()
    for people in _groups(bench):
        model = bench.teach(model, Lesson(_rows(people), _SHOWN, replay=replay))
    return _measure(bench, model)


def _joint(bench: Bench) -> Measures:
    rows = [row for people in _groups(bench) for row in _rows(people)]
    return _measure(bench, bench.teach(bench.model(), Lesson(rows, 3 * _SHOWN)))


ORDER = Experiment(
    name="order",
    question="Three groups of facts: one after the other, or all together?",
    mirrors="What is learned first is overwritten by what is learned later; trained together, all is kept. Replay of "
    "the model's old knowledge does not protect the groups in between.",
    source="McCloskey and Cohen, 1989; Lopez-Paz and Ranzato, Gradient Episodic Memory for Continual Learning, 2017",
    arms={
        "in sequence": partial(_sequential, replay=0.0),
        "in sequence, 25% replay": partial(_sequential, replay=0.25),
        "jointly": _joint,
    },
    quantities=("group 1", "group 2", "group 3", "old facts", "reading"),
    claims=(
        Claim("In sequence the first group is lost.", ("in sequence", "group 3"), ("in sequence", "group 1")),
        Claim("Jointly it is kept.", ("jointly", "group 1"), ("in sequence", "group 1")),
        Claim("Replay keeps the old facts.", ("in sequence, 25% replay", "old facts"), ("in sequence", "old facts")),
    ),
)
