"""Thirty simulated days of the micro model: what recurs, what changes, what is forgotten, and who knows it then.

A workspace holds pages about people of the laboratory's world. Every day somebody asks for some facts of some people,
in one of six wordings; other facts are asked for once. New people come up on day 10. On day 12 a page changes, on day
22 one is forgotten. Facts are consolidated on the evenings of days 10, 20 and 30. The arms see the same days:

- nothing: the model as it is, and the index;
- cache: answers that were given are shown again for the same words;
- edits: every fact that recurs is written into the weights (UltraEdit), anew every evening;
- stacked: every evening the new facts are trained on top of the weights of the evening before, with replay;
- no replay: every evening all facts are trained from the base, without replay;
- consolidated: `instill consolidate`, as it is: jointly from the base, with replay, gate and examination.

Asked on every evening, in wordings that no row has: facts that recur; facts asked for once; people in no document
(controls); the old value of the changed fact; the forgotten facts; and rows of what the model could do before.

    python bench/scenes.py --seeds 3 --out scenes.json --pictures docs/images
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from instill import Workspace
from instill.answer.types import Answer, Citation, Claim, Trace
from instill.answer.uses_of_answer import read_documents, uses_of
from instill.lab.study_set import lab_replay
from instill.lab.world import Person, make_world, questions, write_documents
from instill.lab.world_words import FIRMS
from instill.measure.judging.scorer import judge
from instill.memory.consolidating.consolidate import Consolidated
from instill.memory.consolidating.material import Material, material_of
from instill.memory.consolidating.plan import REPLAY_SHARE, Group, write_files
from instill.memory.types import Fact
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.models.registry.champions import Champions
from instill.models.registry.store import Registry
from instill.study.questions_about_any_text import sentence_around
from instill.train.editing.edit_prompts import Edit
from instill.train.editing.editing_methods import Settings, edited, with_weights
from instill.train.generator.data.examples import make_examples
from instill.train.generator.data.rows import Row, row_of
from instill.train.generator.loop.replies import replies
from instill.train.generator.recipes.base import folder_of
from instill.train.pipeline import train_recipe

ARMS = ("nothing", "cache", "edits", "stacked", "no replay", "consolidated")
MEASURES = ("recurring", "once", "controls", "old value", "forgotten", "skills")
ATTRIBUTES = ("birthplace", "employer", "year")
WORDINGS = 6
DAYS, NEW_PEOPLE, CHANGE, FORGET, EVENINGS = 30, 10, 12, 22, (10, 20, 30)


@dataclass
class Days:
    """A workspace, and what is true and asked in it.

    Args:
        base: as `instill consolidate` names it.
        wordings: in how many of them people ask.
        settings: more of `consolidate`.
        recurring, late, once: people whose facts are asked for often, often from `NEW_PEOPLE` on, and once.
        asked: the questions that were asked so far.
        stale: by arm, answers with a value that was not true any longer when it was shown.
    """

    folder: Path
    seed: int
    people: int = 4
    epochs: int = 20
    replay_rows: int = 2400
    skill_rows: int = 80
    length: int = DAYS
    base: str = "micro"
    wordings: int = WORDINGS
    settings: dict[str, Any] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    stale: dict[str, int] = field(default_factory=dict)
    shown: int = 0
    found: list[Consolidated] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"scene {self.seed}")
        world = make_world()
        drawn = self.rng.sample(world.group("C"), 3 * self.people)
        self.recurring, self.late, self.once = (drawn[n * self.people : (n + 1) * self.people] for n in range(3))
        self.controls = self.rng.sample(world.group("E"), 8)
        self.gone: list[Person] = []
        self.changed: Person | None = None
        self.old_value = ""
        self.pages = self.folder / "pages"
        write_documents([*self.recurring, *self.late, *self.once], self.pages)
        Workspace.init(self.folder / "kb").close()
        (self.folder / "kb" / "instill.toml").write_text("[memory]\nstable_days = 0\nthreshold = 2\n")
        self.replay = self.folder / "replay.jsonl"
        self.workspace = Workspace.open(self.folder / "kb")
        self.workspace.add(self.pages)
        self.begins = datetime.now(UTC) - timedelta(days=self.length)
        self.model_folder = folder_of(self.base)
        self.tokenizer, self.model = open_tokenizer(self.model_folder), open_model(self.model_folder)
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        self.prepare()

    def prepare(self) -> None:
        """Rows of what the model can do: to train on again, to measure, and for edits to keep."""
        self.replay.write_text("".join(json.dumps(row) + "\n" for row in lab_replay(self.seed, self.replay_rows)))
        rows = [row_of(row) for row in lab_replay(self.seed + 100, 5 * self.skill_rows // 2)]
        self.skills = [row for row in rows if row.prompt][: self.skill_rows]
        self.kept = make_examples([row_of(row) for row in lab_replay(self.seed, 200)], self.tokenizer)

    def known(self, day: int) -> list[Person]:
        """Those whose facts have recurred by a day and are true."""
        late = self.late if day > NEW_PEOPLE else []
        return [person for person in (*self.recurring, *late) if person not in self.gone]

    def ask(self, person: Person, attribute: str, day: int) -> str:
        """One question of a day, with its sentence as the answer, into the ledger."""
        question = self.rng.choice(questions(person, attribute)[: self.wordings])
        value = person.facts[attribute]
        for record in self.workspace.documents():
            document = self.workspace.index.document_text(record.doc_id)
            if document is None or person.name not in document.text:
                continue
            at = document.text.index(value)
            start, end = sentence_around(document.text, at, at + len(value))
            cited = Citation(record.doc_id, record.source, "", start, end, document.text[start:end])
            answer = Answer("", (Claim(cited.text, (cited,)),), 1.0, False, Trace(question, question, ""), short=value)
            self.workspace.catalog.log_question(
                question=question,
                standalone_question=question,
                abstained=False,
                confidence=1.0,
                citations=[],
                milliseconds=1.0,
                uses=uses_of(answer, read_documents([record.doc_id], [document])),
                at=(self.begins + timedelta(days=day)).isoformat(timespec="seconds"),
            )
        return question

    def change(self) -> None:
        """The first person who recurs gets another employer, in the page and in the index."""
        person = self.recurring[0]
        self.old_value = person.facts["employer"]
        value = self.rng.choice([firm for firm in FIRMS if firm != self.old_value])
        other = Person(person.name, person.group, {**person.facts, "employer": value})
        file = self.pages / f"{person.name.lower().replace(' ', '-')}.md"
        file.write_text(file.read_text().replace(self.old_value, value))
        self.workspace.sync()
        self.recurring[0] = self.changed = other

    def forget(self) -> None:
        """The page of the second person is forgotten."""
        person = self.recurring[1]
        name = f"{person.name.lower().replace(' ', '-')}.md"
        self.workspace.forget(next(each.source for each in self.workspace.documents() if each.source.endswith(name)))
        self.gone.append(person)

    def candidates(self) -> list[Fact]:
        """The facts that are to be known by heart this evening, by the workspace's own memory."""
        facts = self.workspace.memory().facts()
        return [fact for fact in facts if fact.candidate or fact.stage == "consolidated"]

    def material(self, facts: Sequence[Fact]) -> Material:
        """Their rows."""
        stored = [self.workspace.index.document_text(each.doc_id) for each in self.workspace.documents()]
        return material_of(facts, [each for each in stored if each is not None], seed=self.seed)


class Arm:
    """One way to keep what recurs.

    Args:
        candidate: folder of the weights of the last evening; None: the base.
    """

    def __init__(self, name: str, days: Days) -> None:
        self.name, self.days = name, days
        self.candidate: Path | None = None
        self.weights: dict[str, Any] = {}
        self.parent: str | None = None
        self.taught: set[str] = set()
        self.seconds = 0.0

    def evening(self, day: int) -> None:
        """Learn what recurs."""
        days = self.days
        began = time.process_time()
        if self.name == "edits":
            wanted = [
                Edit(person.name, questions(person, attribute)[0], person.facts[attribute])
                for person in days.known(day)
                for attribute in ATTRIBUTES
                if any(fact.answer == person.facts[attribute] for fact in days.candidates())
            ]
            self.weights = edited(days.model, days.tokenizer, wanted, days.kept, Settings()) if wanted else {}
        elif self.name in ("stacked", "no replay"):
            self._train()
        elif self.name == "consolidated":
            for found in days.workspace.consolidate(
                base=days.base, replay=days.replay, epochs=days.epochs, seed=days.seed, **days.settings
            ):
                days.found.append(found)
                print(f"seed {days.seed} day {day}: in use: {found.promoted}", *found.reasons, flush=True)
        self.seconds += time.process_time() - began

    def _train(self) -> None:
        days = self.days
        stacked = self.name == "stacked"
        facts = [each for each in days.candidates() if not stacked or each.fact_id not in self.taught]
        material = days.material(facts)
        if not material.taught:
            return
        home = days.folder / self.name.replace(" ", "-")
        home.mkdir(exist_ok=True)
        files = write_files(
            home,
            Group((), tuple(facts)),
            material,
            base=days.base,
            replay=days.replay if stacked else None,
            gate=None,
            seed=days.seed,
            epochs=days.epochs if stacked else round(days.epochs / (1 - REPLAY_SHARE)),  # As many steps as the others.
        )
        recipe = files.recipe.model_copy(update={"gate": ""}).at(files.folder)
        found = train_recipe(home, recipe, promote=False, parent=self.parent if stacked else None)
        self.candidate, self.parent = found.folder, found.card.id
        self.taught |= {fact.fact_id for fact in facts}

    def in_use(self) -> Path | None:
        """The folder of the weights that answer now."""
        if self.name != "consolidated":
            return self.candidate
        registry = Registry(self.days.workspace.home)
        lines = Champions(registry).lines().values()
        champion = next((line.champion for line in lines if line.champion), None)
        return None if champion is None else registry.get(champion).folder

    def says(self, asked: Sequence[str]) -> list[str]:
        """Replies without any document."""
        if not asked:
            return []
        prompts: list[Any] = [[{"role": "user", "content": each}] for each in asked]
        if self.weights:
            with with_weights(self.days.model, self.weights):
                return replies(self.days.model, self.days.tokenizer, prompts, max_tokens=12)
        model = open_model(self.days.model_folder, candidate=self.in_use())
        return replies(model, self.days.tokenizer, prompts, max_tokens=12)

    def right(self, asked: Sequence[tuple[str, str]]) -> float:
        """Share of questions that are answered rightly; a cache answers the same words only."""
        if not asked:
            return float("nan")
        if self.name == "cache":
            return sum(question in self.days.asked for question, _ in asked) / len(asked)
        said = self.says([question for question, _ in asked])
        return float(
            np.mean(
                [
                    judge(reply, (value,), question=question).right == 1
                    for reply, (question, value) in zip(said, asked, strict=True)
                ]
            )
        )

    def answers_from_weights(self) -> set[str]:
        """The facts that this arm answers by heart, as person and attribute: those that Instill holds to be
        consolidated; other arms all that they were taught."""
        people = [*self.days.recurring, *self.days.late, *self.days.gone]
        if self.name == "consolidated":
            held = [fact for fact in self.days.workspace.memory().facts() if fact.stage == "consolidated"]
            return {
                f"{person.name} {attribute}"
                for person in people
                for attribute in ATTRIBUTES
                if any(person.name in fact.question and fact.answer == person.facts[attribute] for fact in held)
            }
        if self.name in ("nothing", "cache"):
            return set()
        return {f"{person.name} {attribute}" for person in people for attribute in ATTRIBUTES}


def unseen(people: Sequence[Person], attributes: Sequence[str] = ATTRIBUTES) -> list[tuple[str, str]]:
    """Two questions of each fact in wordings that are in no row of this scene."""
    return [
        (question, person.facts[attribute])
        for person in people
        for attribute in attributes
        for question in questions(person, attribute)[WORDINGS:8]
    ]


def measured(arm: Arm, day: int) -> dict[str, float]:
    """What an arm knows on the evening of a day."""
    days = arm.days
    old = [] if days.changed is None else [
        (question, days.old_value) for question in questions(days.changed, "employer")[WORDINGS:8]
    ]  # fmt: skip
    found = {
        "recurring": arm.right(unseen(days.known(day))),
        "once": arm.right(unseen(days.once)),
        "controls": arm.right(unseen(days.controls)),
        "old value": arm.right(old),
        "forgotten": arm.right(unseen(days.gone)),
    }
    found["skills"] = skills(arm, days.skills)
    return found


def skills(arm: Arm, rows: Sequence[Row]) -> float:
    """Share of rows of what the model could do before that are answered as they were trained."""
    if arm.weights:
        with with_weights(arm.days.model, arm.weights):
            said = replies(arm.days.model, arm.days.tokenizer, [row.prompt for row in rows], max_tokens=40)
    else:
        model = open_model(arm.days.model_folder, candidate=arm.in_use())
        said = replies(model, arm.days.tokenizer, [row.prompt for row in rows], max_tokens=40)
    return float(
        np.mean([judge(reply, (row.said,), question="").right == 1 for reply, row in zip(said, rows, strict=True)])
    )


def live(folder: Path, seed: int, arms: Sequence[str] = ARMS, *, days: int = DAYS, **more: Any) -> dict[str, Any]:
    """All days of one seed; what each arm knew on each evening, stale answers, and seconds."""
    scene = Days(folder, seed, length=days, **more)
    made = [Arm(name, scene) for name in arms]
    evenings: list[dict[str, Any]] = []
    stale = dict.fromkeys(arms, 0)
    shown = 0
    for day in range(1, days + 1):
        if day == CHANGE:
            scene.change()
        if day == FORGET:
            scene.forget()
        people = [*scene.recurring, *(scene.late if day >= NEW_PEOPLE else ())]
        today = [
            (person, attribute)
            for person in people
            if person not in scene.gone
            for attribute in ATTRIBUTES
            if scene.rng.random() < 0.6
        ]
        if day <= len(scene.once):
            today += [(scene.once[day - 1], attribute) for attribute in ATTRIBUTES]
        asked = [(person, attribute, scene.ask(person, attribute, day)) for person, attribute in today]
        scene.asked |= {question for *_, question in asked}
        if day in (CHANGE, CHANGE + 1, FORGET, FORGET + 1):
            changed = [] if scene.changed is None else [scene.changed]
            watched = [(p, "employer", questions(p, "employer")[0]) for p in changed]
            watched += [(p, a, questions(p, a)[0]) for p in scene.gone for a in ATTRIBUTES]
            shown += len(watched)
            for arm in made:
                by_heart = arm.answers_from_weights()
                own = [(p, a, q) for p, a, q in watched if f"{p.name} {a}" in by_heart]
                for (person, attribute, question), reply in zip(own, arm.says([q for *_, q in own]), strict=True):
                    untrue = scene.old_value if person is scene.changed else person.facts[attribute]
                    stale[arm.name] += judge(reply, (untrue,), question=question).right == 1
        if day in EVENINGS or day == days:
            for arm in made:
                arm.evening(day)
                evenings.append({"day": day, "arm": arm.name, **measured(arm, day)})
                print(f"seed {seed}", evenings[-1], f"{arm.seconds:.0f} s", flush=True)
    scene.workspace.close()
    return {
        "seed": seed,
        "evenings": evenings,
        "stale": stale,
        "watched": shown,
        "seconds": {arm.name: arm.seconds for arm in made},
    }


def main() -> None:
    """Live, and write figures and pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--people", type=int, default=4, help="of each of the three kinds")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--skill-rows", type=int, default=80, help="rows of what the model could do at the start")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--from", dest="read", type=Path, help="only draw what such a run wrote")
    given = parser.parse_args()
    found = json.loads(given.read.read_text()) if given.read else []
    if not found:
        for seed in range(given.first, given.first + given.seeds):
            with tempfile.TemporaryDirectory() as folder:
                found.append(
                    live(
                        Path(folder), seed, given.arms, people=given.people, epochs=given.epochs,
                        skill_rows=given.skill_rows,
                    )
                )  # fmt: skip
            if given.out:
                given.out.write_text(json.dumps(found, indent=1))
    from scenes_page import summary, write_pictures

    print(summary(found))
    if given.pictures:
        write_pictures(found, given.pictures)


if __name__ == "__main__":
    main()
