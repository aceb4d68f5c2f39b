"""Ten to a thousand examples of a format, and of facts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial

from instill.lab.experiments.experiment import Claim, Experiment
from instill.lab.measuring import Probe
from instill.lab.reading_exercises import reading_prompt
from instill.lab.workbench import Bench, Lesson, Measures
from instill.lab.world import DRAWN, Person, biography, make_person, questions
from instill.lab.world_words import FIRST, LAST
from instill.train.generator.data.rows import Row, chat_row

SIZES = (10, 30, 100, 300, 1000)
_ASKED = 200


def _people(bench: Bench, count: int, seed: str) -> list[Person]:
    """People whose names nobody in the world has."""
    rng = random.Random(f"{seed} {bench.seed}")  # noqa: S311  Not for security.
    taken = {person.name for person in bench.world.people}
    names = [f"{first} {last}" for first in FIRST for last in LAST if f"{first} {last}" not in taken]
    return [make_person(name, "C", rng) for name in rng.sample(names, count)]


def _shown(count: int) -> int:
    """Rows that are shown in all; as many for examples of a format as for facts."""
    return max(900, min(9000, 9 * count))


def _formatted(people: Sequence[Person], rng: random.Random) -> list[Row]:
    """A new form for what the model can already do: read a passage, and answer with the key and the name."""
    rows = []
    for person in people:
        attribute = rng.choice(DRAWN)
        prompt = reading_prompt([biography(person, rng)], rng.choice(questions(person, attribute)))
        rows.append(chat_row(prompt, f"{attribute}({person.name}) = {person.facts[attribute]}"))
    return rows


def _format(bench: Bench, count: int) -> Measures:
    rng = random.Random(f"format {bench.seed}")  # noqa: S311  Not for security.
    rows = _formatted(_people(bench, count, "format"), rng)
    model = bench.teach(bench.model(), Lesson(rows, _shown(count)))
    asked = _formatted(bench.draw("E", 40), rng) + _formatted(bench.draw("E", 40), rng)
    whole = [Probe(row, row.said.__eq__, str(number)) for number, row in enumerate(asked)]
    form = [Probe(row, partial(_is_formed, row.said), str(number)) for number, row in enumerate(asked)]
    return bench.measure(model, {"right, of all": whole, "form": form}, max_tokens=24)


def _is_formed(wanted: str, reply: str) -> bool:
    """Key, name and signs as wanted, and any one value."""
    before, sign, _ = wanted.partition(" = ")
    return reply.startswith(before + sign) and len(reply) > len(before + sign) and reply.count(sign) == 1


def _facts(bench: Bench, count: int) -> Measures:
    """Facts, each with two questions; asked are facts drawn from a thousand, taught or not."""
    rng = random.Random(f"facts {bench.seed}")  # noqa: S311  Not for security.
    pairs = [(person, attribute) for person in _people(bench, 200, "facts") for attribute in DRAWN]
    rng.shuffle(pairs)
    rows = [chat_row(questions(*pair)[number], pair[0].facts[pair[1]]) for pair in pairs[:count] for number in range(3)]
    model = bench.teach(bench.model(), Lesson(rows, _shown(count)))
    probes = [
        Probe(chat_row(questions(*pair, evaluated=True)[0], ""), pair[0].facts[pair[1]].__eq__, pair[0].name)
        for pair in rng.sample(pairs, _ASKED)
    ]
    return bench.measure(model, {"right, of all": probes})


AMOUNTS = Experiment(
    name="amounts",
    question="Ten to a thousand examples: what do they teach of a format, and what of facts?",
    mirrors="A format is learned from few examples and then holds for everything; facts are learned one by one, and "
    "nothing is learned about those that were not taught.",
    source="Zhou et al., LIMA: Less Is More for Alignment, 2023; Gekhman et al., 2024",
    arms={
        **{f"format, {count}": partial(_format, count=count) for count in SIZES},
        **{f"facts, {count}": partial(_facts, count=count) for count in SIZES},
    },
    quantities=("right, of all", "form"),
    claims=(
        Claim(
            "100 examples of a format teach its form better than 100 facts teach facts.",
            ("format, 100", "form"),
            ("facts, 100", "right, of all"),
        ),
        Claim(
            "100 examples of the format teach more than 100 facts.",
            ("format, 100", "right, of all"),
            ("facts, 100", "right, of all"),
        ),
        Claim(
            "Ten times as many facts teach more facts.",
            ("facts, 1000", "right, of all"),
            ("facts, 100", "right, of all"),
        ),
    ),
    curve={f"{kind}, {count}": float(count) for kind in ("format", "facts") for count in SIZES},
)
