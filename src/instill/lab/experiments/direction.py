"""A fact learned in one direction, asked in the other."""

from __future__ import annotations

from functools import partial

from instill.lab.experiments.experiment import Claim, Experiment
from instill.lab.measuring import recall, reverse_recall
from instill.lab.wordings import TRAINED, WORDINGS
from instill.lab.workbench import PEOPLE, Bench, Lesson, Measures
from instill.lab.world import Person, statements
from instill.train.generator.data.rows import Row

_ASKED = ("year", "birthplace")
"""The attributes with most values: fewest people share one."""

_SHOWN = 1500


def _rows(people: list[Person], name_first: bool | None) -> list[Row]:
    """Five statements of each fact, with the name before the value, after it, or both kinds."""
    rows = []
    for person in people:
        for attribute in _ASKED:
            templates = WORDINGS[attribute].statements[:TRAINED]
            first = [template.index("{name}") < template.index("{value}") for template in templates]
            said = statements(person, attribute)
            kinds = (True, False) if name_first is None else (name_first,)
            for kind in kinds:
                chosen = [text for text, is_first in zip(said, first, strict=True) if is_first is kind]
                rows += [Row(text=text) for text in chosen[: 5 if name_first is not None else 3]]
    return rows


def _arm(bench: Bench, name_first: bool | None) -> Measures:
    people = bench.draw("C", 2 * PEOPLE)
    model = bench.teach(bench.model(), Lesson(_rows(people, name_first), _SHOWN))
    asked = {
        "forward": recall(people, seed=bench.seed, attributes=_ASKED),
        "reverse": reverse_recall(people, people, seed=bench.seed, attributes=_ASKED),
    }
    return bench.measure(model, asked)


DIRECTION = Experiment(
    name="direction",
    question="Who learns that A is B: does it know that B is A?",
    mirrors="After training on sentences with the name first, a model answers the question for the value and not the "
    "question for the name; the order in the training text decides.",
    source="Berglund et al., The Reversal Curse, 2023",
    arms={
        "name first": partial(_arm, name_first=True),
        "value first": partial(_arm, name_first=False),
        "both orders": partial(_arm, name_first=None),
    },
    quantities=("forward", "reverse"),
    claims=(
        Claim(
            "With the name first, forward works and reverse does not.",
            ("name first", "forward"),
            ("name first", "reverse"),
        ),
        Claim(
            "The value first makes the reverse question easier.",
            ("value first", "reverse"),
            ("name first", "reverse"),
        ),
    ),
)
