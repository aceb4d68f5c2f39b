"""What to make of a document before training on it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from instill.lab.experiments.experiment import Claim, Experiment
from instill.lab.lessons import biography_rows, distilled_rows, question_rows
from instill.lab.workbench import PEOPLE, Bench, Lesson, Measures
from instill.lab.world import Person
from instill.train.generator.data.rows import Row

Make = Callable[[Bench, list[Person]], list[Row]]


def _raw(bench: Bench, people: list[Person]) -> list[Row]:
    return biography_rows(people, 1, shuffled=False, seed=bench.seed)


def _paraphrased(bench: Bench, people: list[Person]) -> list[Row]:
    return biography_rows(people, 5, shuffled=True, seed=bench.seed)


def _with_questions(bench: Bench, people: list[Person]) -> list[Row]:
    return [*_paraphrased(bench, people), *question_rows(people, range(4))]


def _distilled(bench: Bench, people: list[Person]) -> list[Row]:
    return distilled_rows(people, range(8), seed=bench.seed)


def _arm(bench: Bench, make: Make, shown: int, distil: bool = False) -> Measures:
    people = bench.draw("C", PEOPLE)
    model = bench.teach(bench.model(), Lesson(make(bench, people), shown, distil=distil))
    return bench.measure(model, bench.usual(people))


MATERIAL = Experiment(
    name="material",
    question="What should be made of a document before a model is trained on it?",
    mirrors="Training on the raw text teaches little; paraphrases teach more, questions and answers most; learning "
    "from the model itself with the passage before it does as well, and forgets less.",
    source="Ovadia et al., Fine-Tuning or Retrieval?, 2023; Snell, Klein and Zhong, Learning by Distilling Context, "
    "2022; Kujanpaa et al., Knowledge Injection via Prompt Distillation, 2024",
    arms={
        "raw": partial(_arm, make=_raw, shown=720),
        "paraphrased": partial(_arm, make=_paraphrased, shown=720),
        "paraphrased + questions": partial(_arm, make=_with_questions, shown=2200),
        "distilled": partial(_arm, make=_distilled, shown=2600, distil=True),
    },
    quantities=("new", "controls", "old facts", "reading"),
    claims=(
        Claim("Paraphrases teach more than the raw text.", ("paraphrased", "new"), ("raw", "new")),
        Claim(
            "Questions teach more than paraphrases alone.",
            ("paraphrased + questions", "new"),
            ("paraphrased", "new"),
        ),
        Claim("Distilling teaches more than the raw text.", ("distilled", "new"), ("raw", "new")),
        Claim(
            "Distilling forgets less than questions do.",
            ("distilled", "old facts"),
            ("paraphrased + questions", "old facts"),
        ),
    ),
)
