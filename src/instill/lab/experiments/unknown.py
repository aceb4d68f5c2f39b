"""Teaching a model to say that it does not know."""

from __future__ import annotations

from functools import partial
from typing import Any

from instill.lab.experiments.experiment import Claim, Experiment
from instill.lab.lessons import question_rows, statement_rows, unknown_rows
from instill.lab.measuring import Probe, recall
from instill.lab.workbench import PEOPLE, Bench, Lesson, Measures
from instill.lab.world import UNKNOWN
from instill.train.generator.data.rows import chat_row

_SHOWN = 2200


def _measure(bench: Bench, model: Any) -> Measures:
    people = bench.draw("C", PEOPLE)
    strangers = recall(bench.draw("E", 24)[12:], seed=bench.seed)
    untaught = recall(bench.draw("B", 16), evaluated=False, seed=bench.seed)
    usual = bench.usual(people)
    return bench.measure(
        model,
        {
            "new": usual["new"],
            "strangers refused": [_refused(probe) for probe in strangers],
            "old facts": usual["old facts"],
            "facts without questions": untaught,
            "known but refused": [_refused(probe) for probe in [*usual["old facts"], *untaught]],
            "reading": usual["reading"],
        },
    )


def _refused(probe: Probe) -> Probe:
    return Probe(chat_row(str(probe.row.prompt[0]["content"]), UNKNOWN), UNKNOWN.__eq__, probe.about)


def _arm(bench: Bench, count: int, replay: float) -> Measures:
    people = bench.draw("C", PEOPLE)
    rows = [*statement_rows(people, range(5)), *question_rows(people, range(4))]
    if count:
        rows += unknown_rows(bench.draw("E", 24)[:12], count, seed=bench.seed) * max(1, 72 // count)
    return _measure(bench, bench.teach(bench.model(), Lesson(rows, _SHOWN, replay=replay)))


UNKNOWN_EXPERIMENT = Experiment(
    name="unknown",
    question="Can a model be taught to say that it does not know, and what does it refuse then?",
    mirrors="Training on facts that are new to a model teaches it to make things up; examples of refusing cure that, "
    "and without examples of known things it refuses what it knows.",
    source="Gekhman et al., Does Fine-Tuning LLMs on New Knowledge Encourage Hallucinations?, 2024; Zhang et al., "
    "R-Tuning: Instructing Large Language Models to Say I Don't Know, 2023",
    arms={
        "not taught": lambda bench: _measure(bench, bench.model()),
        "no refusals": partial(_arm, count=0, replay=0.0),
        "12 refusals": partial(_arm, count=12, replay=0.0),
        "72 refusals": partial(_arm, count=72, replay=0.0),
        "72 refusals, 25% replay": partial(_arm, count=72, replay=0.25),
    },
    quantities=("new", "strangers refused", "known but refused", "old facts", "facts without questions", "reading"),
    claims=(
        Claim(
            "Refusals teach it to refuse strangers.",
            ("72 refusals", "strangers refused"),
            ("no refusals", "strangers refused"),
        ),
        Claim(
            "They make it refuse what it knows.",
            ("72 refusals", "known but refused"),
            ("no refusals", "known but refused"),
        ),
        Claim(
            "Replay of known things takes that back.",
            ("72 refusals", "known but refused"),
            ("72 refusals, 25% replay", "known but refused"),
        ),
    ),
)
