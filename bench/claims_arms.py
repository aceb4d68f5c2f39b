"""The trainings of `bench/claims.py`, one after the other, and what each model is asked.

Every arm is trained with the project's own loop from the same base: LoRA, and a number of rows that are shown in all.
What is in the file of runs already is not trained again.
"""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import claims_material as material
import torch
from claims_measures import Examiner, Scores, is_right, together

from instill import Workspace
from instill.compare.tuned.replay import general_prompts
from instill.lab.world import write_documents
from instill.measure.judging.scorer import judge
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.train.generator.data.examples import make_examples
from instill.train.generator.data.mix import mixed
from instill.train.generator.data.rows import Row, chat_row, read_rows, write_rows
from instill.train.generator.export.saving import save_candidate
from instill.train.generator.loop.loop import train
from instill.train.generator.loop.replies import reply_tokens
from instill.train.generator.methods.methods import Method, prepare
from instill.train.generator.recipes.base import folder_of
from instill.train.generator.recipes.training_section import Hyperparameters

LORA = Method(rank=16)
LAST = Method(rank=16, last_layers=8)
REPLAY_SHARE = 0.25
_REPLAY_TOKENS = 40


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is taught, and how.

    Args:
        shown: rows in all, replay not counted.
        begin: name of a lesson whose model is trained on.
    """

    rows: Sequence[Row]
    shown: int
    rate: float
    method: Method = LORA
    replay: Sequence[Row] = ()
    begin: str = ""
    batch: int = 16


@dataclass
class Workbench:
    """The base, and models that were trained from it.

    Args:
        data: folder of the public sets.
        work: folder where trained adapters are kept.
    """

    data: Path
    work: Path
    seed: int
    folder: Path = field(default_factory=lambda: folder_of("smollm2"))

    @cached_property
    def tokenizer(self) -> Any:
        return open_tokenizer(self.folder)

    def examiner(self, model: Any) -> Examiner:
        """For questions the model is bfloat16, with its adapter merged."""
        merged = copy.deepcopy(model)
        if hasattr(merged, "merge_and_unload"):
            merged = merged.merge_and_unload()
        return Examiner(merged.to(torch.bfloat16).train(False), self.tokenizer, self.data, self.seed)

    def learnt(self, name: str, lesson: Lesson) -> tuple[Any, dict[str, Any]]:
        """The trained model, and what the training cost; of a lesson that was learnt earlier, nothing."""
        candidate = self.work / f"{self.seed}" / lesson.begin if lesson.begin else None
        model = open_model(self.folder, candidate=candidate, trainable=True)
        torch.manual_seed(self.seed)
        model = prepare(model, lesson.method)
        new = len(lesson.rows)
        examples = make_examples([*lesson.rows, *lesson.replay], self.tokenizer)
        share = REPLAY_SHARE if lesson.replay else 0.0
        steps = max(1, round(lesson.shown / (1 - share) / lesson.batch))
        chosen = Hyperparameters(
            steps=steps,
            batch_size=lesson.batch,
            learning_rate=lesson.rate,
            micro_tokens=2048,
            warmup=0.1,
            seed=self.seed,
        )
        losses = [0.0]

        def epochs(number: int) -> Sequence[Any]:
            return mixed(examples[:new], examples[new:], share, self.seed, number)

        began, clock = time.process_time(), time.monotonic()
        with tempfile.TemporaryDirectory() as run:
            train(
                model, epochs, chosen, Path(run), identity="claims", save_every=0,
                progress=lambda entry: losses.append(entry.loss),
            )  # fmt: skip
        tokens = sum(example.length for example in epochs(0)) * steps * lesson.batch // len(epochs(0))
        cost = {
            "processor seconds": round(time.process_time() - began, 1),
            "seconds": round(time.monotonic() - clock, 1),
            "tokens": tokens,
            "loss": round(losses[-1], 4),
            "settings": {
                "rows": new, "shown": lesson.shown, "steps": steps, "batch": lesson.batch, "rate": lesson.rate,
                "rank": lesson.method.rank, "last layers": lesson.method.last_layers, "replay": share,
            },
        }  # fmt: skip
        save_candidate(model, self.work / f"{self.seed}" / name)
        return model, cost

    def has(self, name: str) -> bool:
        """Whether a lesson's adapter is kept."""
        return (self.work / f"{self.seed}" / name).is_dir()

    def replay(self) -> list[Row]:
        """The base's own short replies to general requests; written once, as they are the same for every seed."""
        file = self.work / "replay.jsonl"
        if not file.is_file():
            write_rows(self._own_replies(), file)
        return read_rows(file)

    def _own_replies(self) -> list[Row]:
        model = self.examiner(open_model(self.folder)).model
        asked = [[{"role": "user", "content": prompt}] for prompt in general_prompts()]
        said = reply_tokens(model, self.tokenizer, asked, _REPLAY_TOKENS)
        return [
            chat_row(prompt, self.tokenizer.decode(tokens, skip_special_tokens=True).strip(), task="replay")
            for prompt, tokens in zip(general_prompts(), said, strict=True)
            if len(tokens) < _REPLAY_TOKENS
        ]


def base_run(bench: Workbench) -> dict[str, Any]:
    """What the model can do before anything is taught; and with a passage in the prompt."""
    examiner = bench.examiner(open_model(bench.folder))
    believed = examiner.believed()
    new = material.new_capitals(believed, bench.seed)
    scores = together(
        examiner.facts(), examiner.passages(), examiner.new_words(), examiner.tickets(), examiner.tone(),
        examiner.capitals(new, passage=True), examiner.neighbours([each for each in believed if each not in new]),
        examiner.skills(),
    )  # fmt: skip
    return {"believed": believed, "scores": scores}


def search_run(bench: Workbench) -> dict[str, Any]:
    """The same facts as pages in an index (keywords and vectors), asked by `instill ask` without a generator."""
    people = material.people(bench.seed)
    asked = {
        "asked": material.fact_questions(people.taught, evaluated=True),
        "as taught": material.fact_questions(people.taught, evaluated=False, wordings=1),
        "reverse": material.reverse_asked(people.taught),
        "controls": material.fact_questions(people.controls, evaluated=True, wordings=1),
    }
    scores: Scores = {}
    with tempfile.TemporaryDirectory() as folder:
        Workspace.init(Path(folder) / "kb").close()
        write_documents([*people.strangers, *people.controls], Path(folder) / "others", bench.seed)
        write_documents(people.taught, Path(folder) / "taught", bench.seed)
        with Workspace.open(Path(folder) / "kb") as workspace:
            workspace.add([str(Path(folder) / "others")])
            began = time.process_time()
            workspace.add([str(Path(folder) / "taught")])
            added = time.process_time() - began
            began = time.process_time()
            for name, questions in asked.items():
                scores[name], scores[f"{name}, short"] = {}, {}
                for each in questions:
                    answer = workspace.ask(each.question)
                    said = judge(
                        answer.text, each.right, question=each.question, abstained=answer.abstained, quotes=True
                    )
                    for place, right in ((name, said.right == 1), (f"{name}, short", is_right(answer.short, each))):
                        share = scores[place].setdefault(each.about, [0, 0])
                        share[0] += int(right)
                        share[1] += 1
            asking = time.process_time() - began
    count = sum(len(each) for each in asked.values())
    return {
        "processor seconds": round(added, 2),
        "a question": round(asking / count, 3),
        "settings": {"pages": material.TAUGHT, "others": material.STRANGERS + material.CONTROLS},
        "scores": scores,
    }


Done = Callable[[str, str], bool]
FACTS, RATE = 384, 3e-3
"""Rows shown of facts, and the learning rate; found on seed 100, which is not reported."""


def runs(bench: Workbench, believed: Callable[[], list[str]], done: Done) -> Iterator[dict[str, Any]]:
    """All runs of a seed that are not done, each as the line that is kept.

    Args:
        believed: the countries whose capital the base knows, from its own run.
        done: whether a task's arm is in the file.
    """
    seed = bench.seed

    def line(task: str, arm: str, found: dict[str, Any]) -> dict[str, Any]:
        return {"task": task, "arm": arm, "seed": seed, **found}

    def taught(task: str, arm: str, lesson: Lesson, *measures: Callable[[Examiner], Scores]) -> dict[str, Any]:
        model, cost = bench.learnt(arm, lesson)
        examiner = bench.examiner(model)
        return line(task, arm, {**cost, "scores": together(*(measure(examiner) for measure in measures))})

    def small(rows: Sequence[Row], shown: int, begin: str = "") -> Lesson:
        return Lesson(rows, shown, RATE, begin=begin, batch=8)

    if not done("base", "base"):
        yield line("base", "base", base_run(bench))
    if not done("search", "search"):
        yield line("search", "search", search_run(bench))
    people = material.people(seed)
    rows = {
        name: material.fact_rows(people.taught, name) for name in ("one wording", "many wordings", "with questions")
    }
    asked, skills = Examiner.facts, Examiner.skills
    if not done("facts", "with questions"):
        lesson = Lesson(rows["with questions"], FACTS, RATE)
        yield taught("facts", "with questions", lesson, asked, Examiner.passages, skills)
    for name in ("many wordings", "one wording"):
        if not done("facts", name):
            yield taught("facts", name, Lesson(rows[name], FACTS, RATE), asked)
    tickets, tones = material.tickets(seed, material.TICKETS), material.tone_rows(seed, material.TONES)
    form, tone = Examiner.tickets, Examiner.tone
    if not done("format", "tickets") or (not done("two sets", "sequence") and not bench.has("tickets")):
        yield taught("format", "tickets", small(tickets, 160), form)
    if not done("tone", "tone"):
        yield taught("tone", "tone", small(tones, 120), tone, skills)
    if not done("two sets", "sequence"):
        yield taught("two sets", "sequence", small(tones, 120, "tickets"), form, tone)
    if not done("words", "words"):
        lesson = small(material.word_rows(material.words(seed)[: material.WORDS]), 192)
        yield taught("words", "words", lesson, Examiner.new_words)
    if not done("capitals", "capitals"):
        new = material.new_capitals(believed(), seed)
        kept = [each for each in believed() if each not in new]
        yield taught(
            "capitals", "capitals", small(material.capital_rows(new), 160),
            lambda examiner: examiner.capitals(new), lambda examiner: examiner.neighbours(kept),
        )  # fmt: skip
    if not done("facts", "last layers"):
        lesson = Lesson(rows["with questions"], FACTS, RATE, LAST)
        yield taught("facts", "last layers", lesson, asked, skills)
    if not done("two sets", "together"):
        both = [*tickets * 3, *tones]  # Each is shown about as often as in sequence.
        yield taught("two sets", "together", small(both, 280), form, tone)
    if not done("facts", "replay"):
        lesson = Lesson(rows["with questions"], FACTS, RATE, replay=bench.replay())
        yield taught("facts", "replay", lesson, asked, skills)
    if not done("format", "tickets, longer"):
        yield taught("format", "tickets, longer", small(tickets, 240, "tickets"), form)
