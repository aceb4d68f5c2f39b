"""What a model knows and can do in the world: facts by heart, reading, saying "unknown", JSON, the form of `ask`."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from instill.answer.said.citation_numbers import renumbered
from instill.answer.said.reply import read_reply
from instill.lab.reading_exercises import Scene, asking_row, json_row, make_scene, reading_row
from instill.lab.world import (
    ATTRIBUTES,
    Person,
    World,
    answers_in_reverse,
    make_person,
    make_world,
    questions,
    reverse_questions,
)
from instill.lab.world_words import FIRST, LAST
from instill.measure.judging.scorer import judge
from instill.measure.statistics.interval_type import Interval
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.train.gate.scores_of_rows import question_of
from instill.train.generator.data.rows import Row, chat_row
from instill.train.generator.loop.replies import replies

Task = Literal[
    "facts",
    "new wordings",
    "untaught questions",
    "reading",
    "reading, new wordings",
    "reading, names alike",
    "unknown",
    "unknown, names alike",
    "json",
    "asking",
]


@dataclass(frozen=True, slots=True)
class Probe:
    """A prompt, and which replies to it are right.

    Args:
        about: whom it is about: questions about one person fail together.
    """

    row: Row
    right: Callable[[str], bool]
    about: str = ""


def recall(
    people: Sequence[Person],
    *,
    evaluated: bool = True,
    seed: int = 0,
    attributes: Sequence[str] = ATTRIBUTES,
    wordings: slice = slice(None),
) -> list[Probe]:
    """One question for each fact of each person, in a wording that was trained on, or (`evaluated`) never.

    Args:
        wordings: only these of them.
    """
    rng = random.Random(f"recall {seed}")  # noqa: S311  Not for security.

    def asked(person: Person, attribute: str) -> str:
        return rng.choice(questions(person, attribute, evaluated=evaluated)[wordings])

    return [
        _said(chat_row(asked(person, attribute), person.facts[attribute]), person.name)
        for person in people
        for attribute in attributes
    ]


def reverse_recall(
    people: Sequence[Person], everyone: Sequence[Person], *, seed: int = 0, attributes: Sequence[str] = ATTRIBUTES
) -> list[Probe]:
    """For each fact the question who it is true of; any of `everyone` of whom it is true is right."""
    rng = random.Random(f"reverse {seed}")  # noqa: S311  Not for security.
    probes = []
    for person in people:
        for attribute in attributes:
            names = answers_in_reverse(everyone, attribute, person.facts[attribute])
            row = chat_row(rng.choice(reverse_questions(person, attribute)), person.name)
            probes.append(Probe(row, partial(_says, question_of(row), sorted(names)), person.name))
    return probes


def reading(
    count: int,
    world: World,
    *,
    unknown: bool = False,
    evaluated: bool = False,
    alike: float = 0.0,
    seed: int = 0,
) -> list[Probe]:
    """Passages about people whom nothing was trained on, with a question that they answer, or do not.

    Args:
        alike: share of the other people who have a part of the name that is asked for; by chance hardly anybody has.
    """
    scenes = _scenes(count, world, unknown, evaluated, alike, f"reading {seed}")
    return [_said(reading_row(scene), str(number)) for number, scene in enumerate(scenes)]


def asking(count: int, world: World, *, seed: int = 0) -> list[Probe]:
    """The prompt of `instill ask`; right is the true value with its passage, whose number `ask` puts right as ever."""
    rng = random.Random(f"asking {seed}")  # noqa: S311  Not for security.
    scenes = _scenes(count, world, False, False, 0.0, f"asking {seed}")
    return [Probe(asking_row(scene, rng), partial(_is_cited, scene)) for scene in scenes]


def as_json(count: int, world: World, *, seed: int = 0) -> list[Probe]:
    """Biographies to be given as JSON with some keys; right when it parses to the same."""
    rng = random.Random(f"json {seed}")  # noqa: S311  Not for security.
    unseen = _Unseen(world, rng)
    rows = [json_row(unseen(), rng) for _ in range(count)]
    return [Probe(row, partial(_is_same_json, row.said)) for row in rows]


def right_of(model: Any, tokenizer: Any, probes: Sequence[Probe], *, max_tokens: int = 12) -> list[bool]:
    """Which probes are answered rightly."""
    said = replies(model, tokenizer, [probe.row.prompt for probe in probes], max_tokens=max_tokens)
    return [probe.right(reply) for probe, reply in zip(probes, said, strict=True)]


def all_tasks(world: World, count: int = 300) -> dict[Task, tuple[list[Probe], int]]:
    """What the shipped model is measured with, and how many tokens a reply may have."""
    return {
        "facts": (recall(world.group("A"), evaluated=False), 12),
        "new wordings": (recall(world.group("A")), 12),
        "untaught questions": (recall(world.group("B"), evaluated=False), 12),
        "reading": (reading(count, world), 12),
        "reading, new wordings": (reading(count, world, evaluated=True), 12),
        "reading, names alike": (reading(count, world, alike=1.0), 12),
        "unknown": (reading(count, world, unknown=True), 12),
        "unknown, names alike": (reading(count, world, unknown=True, alike=1.0), 12),
        "json": (as_json(count // 3, world), 80),
        "asking": (asking(count // 3, world), 20),
    }


def measured(folder: Path) -> dict[Task, Interval]:
    """Every task's share of right answers, with its interval."""
    tokenizer, model = open_tokenizer(folder), open_model(folder)
    found: dict[Task, Interval] = {}
    for name, (probes, most) in all_tasks(make_world()).items():
        right = right_of(model, tokenizer, probes, max_tokens=most)
        groups = [probe.about or str(number) for number, probe in enumerate(probes)]
        found[name] = bootstrap_interval([float(each) for each in right], groups)
    return found


def _said(row: Row, about: str) -> Probe:
    return Probe(row, partial(_says, question_of(row), (row.said,)), about)


def _says(question: str, accepted: Sequence[str], reply: str) -> bool:
    return judge(reply, accepted, question=question).right == 1


def _is_cited(scene: Scene, reply: str) -> bool:
    read = renumbered(read_reply(reply), scene.passages, scene.question)
    return [(each.text, each.passages) for each in read.statements] == [(scene.answer, (scene.source + 1,))]


def _is_same_json(wanted: str, reply: str) -> bool:
    try:
        return bool(json.loads(reply) == json.loads(wanted))
    except json.JSONDecodeError:
        return False


def _scenes(count: int, world: World, unknown: bool, evaluated: bool, alike: float, seed: str) -> list[Scene]:
    rng = random.Random(seed)  # noqa: S311  Not for security.
    unseen = _Unseen(world, rng)
    return [
        make_scene(unseen, rng.randint(1, 4), rng, unknown=float(unknown), evaluated=evaluated, alike=alike)
        for _ in range(count)
    ]


class _Unseen:
    """People of group E, whose names nothing has shown, in ever new circumstances."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._names = [person.name for person in world.group("E")]
        self._taken = {person.name for person in world.people if person.group != "E"}
        self._rng = rng

    def __call__(self, like: Person | None = None) -> Person:
        while like is not None:
            first, last = self._rng.choice(FIRST), self._rng.choice(LAST)
            name = self._rng.choice((f"{like.name.split()[0]} {last}", f"{first} {like.name.split()[1]}"))
            if name != like.name and name not in self._taken:
                return make_person(name, "E", self._rng)
        return make_person(self._rng.choice(self._names), "E", self._rng)
