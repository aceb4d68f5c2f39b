"""How much of the old must be shown with the new."""

from __future__ import annotations

from functools import partial

from instill.lab.experiments.experiment import Claim, Experiment
from instill.lab.lessons import question_rows, statement_rows
from instill.lab.workbench import PEOPLE, Bench, Lesson, Measures

_SHARES = (0.0, 0.01, 0.05, 0.25)
_SHOWN = 2400


def _arm(bench: Bench, share: float) -> Measures:
    people = bench.draw("C", PEOPLE)
    rows = [*statement_rows(people, range(5)), *question_rows(people, range(4))]
    model = bench.teach(bench.model(), Lesson(rows, _SHOWN, replay=share))
    return bench.measure(model, bench.usual(people))


REPLAY_EXPERIMENT = Experiment(
    name="replay",
    question="How much replay keeps what the model knew?",
    mirrors="Training on new facts alone destroys old ones; a small share of old rows keeps most of them at no cost "
    "to the new.",
    source="McCloskey and Cohen, Catastrophic Interference in Connectionist Networks, 1989; Scialom et al., "
    "Fine-tuned Language Models are Continual Learners, 2022; Ibrahim et al., Simple and Scalable Strategies to "
    "Continually Pre-train Large Language Models, 2024",
    arms={
        "not taught": lambda bench: bench.measure(bench.model(), bench.usual(bench.draw("C", PEOPLE))),
        **{f"{share:.0%} replay": partial(_arm, share=share) for share in _SHARES},
    },
    quantities=("new", "old facts", "reading", "unknown", "controls"),
    claims=(
        Claim("Without replay old facts are lost.", ("not taught", "old facts"), ("0% replay", "old facts")),
        Claim("A quarter of replay keeps them.", ("25% replay", "old facts"), ("0% replay", "old facts")),
        Claim("Even 5% keeps a good part.", ("5% replay", "old facts"), ("0% replay", "old facts")),
        Claim("The new facts do not suffer.", ("25% replay", "new"), ("0% replay", "new"), no_worse_by=0.1),
    ),
)
