"""Facts first and questions later, or both at once."""

from __future__ import annotations

from instill.lab.experiments.experiment import Claim, Experiment
from instill.lab.lessons import question_rows, statement_rows
from instill.lab.measuring import recall
from instill.lab.workbench import PEOPLE, Bench, Lesson, Measures
from instill.lab.world import Person
from instill.train.generator.data.rows import Row

_FACTS, _QUESTIONS = 1500, 700


def _split(bench: Bench) -> tuple[list[Row], list[Row], list[Person]]:
    """Statements about all, questions about half of them, and the other half, which is asked about."""
    people = bench.draw("C", 2 * PEOPLE)
    return statement_rows(people, range(5)), question_rows(people[:PEOPLE], range(4)), people[PEOPLE:]


def _measure(bench: Bench, model: object, people: list[Person]) -> Measures:
    usual = bench.usual(people)
    asked = {
        "facts without questions": recall(people, seed=bench.seed),
        "controls": usual["controls"],
        "old facts": usual["old facts"],
    }
    return bench.measure(model, asked)


def _facts_then_questions(bench: Bench) -> Measures:
    facts, asked, people = _split(bench)
    model = bench.teach(bench.model(), Lesson(facts, _FACTS))
    return _measure(bench, bench.teach(model, Lesson(asked, _QUESTIONS)), people)


def _questions_then_facts(bench: Bench) -> Measures:
    facts, asked, people = _split(bench)
    model = bench.teach(bench.model(), Lesson(asked, _QUESTIONS))
    return _measure(bench, bench.teach(model, Lesson(facts, _FACTS)), people)


def _mixed(bench: Bench) -> Measures:
    facts, asked, people = _split(bench)
    return _measure(bench, bench.teach(bench.model(), Lesson([*facts, *asked], _FACTS + _QUESTIONS)), people)


MIXING = Experiment(
    name="mixing",
    question="Are facts found again when questions come after them, or only when both are mixed?",
    mirrors="Facts that are trained first and asked about later are found less often than facts that are mixed with "
    "questions about other people from the start.",
    source="Allen-Zhu and Li, Physics of Language Models: Part 3.1, 2023; Jiang et al., Instruction-tuned Language "
    "Models are Better Knowledge Learners, 2024",
    arms={
        "facts, then questions": _facts_then_questions,
        "mixed": _mixed,
        "questions, then facts": _questions_then_facts,
    },
    quantities=("facts without questions", "controls", "old facts"),
    claims=(
        Claim(
            "Mixed is better than facts first.",
            ("mixed", "facts without questions"),
            ("facts, then questions", "facts without questions"),
        ),
    ),
)
