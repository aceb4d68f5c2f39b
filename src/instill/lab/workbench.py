"""One experiment's workbench: the micro model fresh from its folder, lessons for it, and what it knows after them."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instill.lab.curriculum import Shares, epoch_rows
from instill.lab.measuring import Probe, reading, recall, right_of
from instill.lab.world import Person, World, make_world
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.train.generator.data.examples import Example, make_examples
from instill.train.generator.data.mix import mixed
from instill.train.generator.data.rows import Row
from instill.train.generator.loop.loop import train
from instill.train.generator.methods.methods import Method, prepare
from instill.train.generator.methods.teacher import teach
from instill.train.generator.recipes.training_section import Hyperparameters

Measures = dict[str, list[tuple[str, float]]]
"""By name of a quantity: for each question whom it is about, and 1.0 if the answer was right, else 0.0."""

REPLAY = Shares(statement=10, question=40, reverse=5, reading=40, json=5, passages=2)
"""Replay is drawn from what the model was trained on, without the longest rows."""

PEOPLE = 12
"""How many people most lessons are about; each has six facts."""

_REPLAY_ROWS = 1500
FULL_RATE, LORA_RATE = 1e-3, 1e-2
FULL = Method(kind="full")


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is taught, and how.

    Args:
        rows: to be learned.
        exposures: how many rows are shown in all, replay not counted; epochs follow from it.
        replay: share of the rows shown that are replay.
        distil: learn from what the base says with the rows' `teacher` messages before it.
        learning_rate: 0: the method's own.
    """

    rows: Sequence[Row]
    exposures: int
    method: Method = FULL
    replay: float = 0.0
    distil: bool = False
    learning_rate: float = 0.0


class Bench:
    """Gives models, teaches and measures them. Everything follows from the seed.

    Args:
        folder: of the micro model.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self.world: World = make_world()
        self.tokenizer = open_tokenizer(folder)

    def model(self) -> Any:
        """The micro model as it was shipped."""
        return open_model(self.folder)

    def draw(self, group: str, count: int) -> list[Person]:
        """`count` people of a group; another seed draws others."""
        people = [person for person in self.world.people if person.group == group]
        return random.Random(f"{group} {self.seed}").sample(people, count)  # noqa: S311  Not for security.

    def teach(self, model: Any, lesson: Lesson) -> Any:
        """Train in place; the model, with an adapter around it if the method is one."""
        rows = list(lesson.rows)
        replay = epoch_rows(self.world, 10_000 + self.seed, _REPLAY_ROWS, REPLAY) if lesson.replay else []
        examples = make_examples([*rows, *replay], self.tokenizer)
        objective: dict[str, Any] = {}
        if lesson.distil:
            taught = teach(model, self.tokenizer, [*rows, *replay], examples, top_k=16)
            objective = {"objective": taught.objective}
        model = prepare(model, lesson.method)
        rate = lesson.learning_rate or (FULL_RATE if lesson.method.kind == "full" else LORA_RATE)
        shown = lesson.exposures / (1 - lesson.replay)
        chosen = Hyperparameters(
            steps=max(1, round(shown / _BATCH)),
            batch_size=_BATCH,
            learning_rate=rate,
            packing=False,
            micro_tokens=2048,
            warmup=0.1,
            seed=self.seed,
        )

        def epochs(number: int) -> list[Example]:
            return mixed(examples[: len(rows)], examples[len(rows) :], lesson.replay, self.seed, number)

        with tempfile.TemporaryDirectory() as run:
            train(model, epochs, chosen, Path(run), identity="lab", save_every=0, **objective)
        return model

    def measure(self, model: Any, probes: Mapping[str, Sequence[Probe]], *, max_tokens: int = 8) -> Measures:
        """Ask everything."""
        found: Measures = {}
        for name, asked in probes.items():
            right = right_of(model, self.tokenizer, asked, max_tokens=max_tokens)
            found[name] = [(probe.about, float(each)) for probe, each in zip(asked, right, strict=True)]
        return found

    def usual(self, taught: Sequence[Person]) -> dict[str, list[Probe]]:
        """What is asked after most lessons: what was taught, in wordings never trained on; people never taught; what
        the model knew before; reading; saying "unknown" when the passages lack the answer."""
        return {
            "new": recall(taught, seed=self.seed),
            "controls": recall(self.draw("E", 12), seed=self.seed),
            "old facts": recall(self.draw("A", 16), evaluated=False, seed=self.seed),
            "reading": reading(60, self.world, seed=self.seed),
            "unknown": reading(30, self.world, unknown=True, seed=self.seed),
        }


_BATCH = 32
