"""The micro model's training: which rows when, and what a run that is taken up passes over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from instill.lab import pretrain
from instill.lab.pretrain import EPOCH_ROWS, STAGES, PretrainRun
from instill.lab.world import make_world
from instill.models.generators.transformers_models import open_tokenizer
from instill.models.weights import micro_folder
from instill.train.generator.data.examples import make_examples
from instill.train.generator.recipes.training_section import Hyperparameters

LESSON_ROWS = {"listing", "retold"}


def test_the_stages_follow_one_another_to_the_end() -> None:
    until = [share for share, _ in STAGES]
    assert until == sorted(set(until))
    assert until[-1] == 1.0


@pytest.mark.parametrize(("number", "tasks"), [(0, LESSON_ROWS), (85, {"question", "reading", "asking", "json"})])
def test_lists_come_first_and_the_prompt_of_ask_last(number: int, tasks: set[str]) -> None:
    rows = pretrain._rows(make_world(), number, PretrainRun(Path("unused"), steps=4400))
    assert len(rows) == EPOCH_ROWS
    found = {row.task for row in rows}
    assert tasks <= found
    assert (found == LESSON_ROWS) == (number == 0)


def test_further_questions_are_asked_by_those_who_want_them() -> None:
    world = make_world()
    asked: dict[bool, set[str]] = {}
    for further in (False, True):
        rows = pretrain._rows(world, 85, PretrainRun(Path("unused"), steps=4400, further=further))
        said = [each for row in rows if row.task == "question" for each in row.messages if each["role"] == "user"]
        asked[further] = {str(each["content"]) for each in said}
    assert not any(text.startswith("Tell me ") for text in asked[False])
    assert any(text.startswith("Tell me ") for text in asked[True])


def test_a_model_is_trained_on_from_what_it_can_do(tmp_path: Path) -> None:
    """The first step's loss is that of a trained model, not of a new one; another base is another run."""
    micro = micro_folder()
    seen: list[float] = []
    run = PretrainRun(tmp_path / "run", steps=1, learning_rate=1e-6, further=True, base=micro)
    world = make_world()
    tokenizer, model = pretrain._start(world, run)
    assert tokenizer.get_vocab() == open_tokenizer(micro).get_vocab()
    assert all(weight.requires_grad for weight in model.parameters())
    rows = pretrain._rows(world, 0, run)[:64]
    batch = make_examples(rows, tokenizer)
    with torch.no_grad():
        for example in batch[:16]:
            ids = torch.tensor(example.ids[None].astype("int64"))
            labels = torch.where(torch.tensor(example.supervised[None]), ids, -100)
            seen.append(float(model(input_ids=ids, labels=labels).loss))
    assert sum(seen) / len(seen) < 2.0  # a new one: ln(vocabulary), more than 7
    other = replace(run, base=None)
    chosen = Hyperparameters(steps=1)
    assert pretrain._identity(tokenizer, chosen, run) != pretrain._identity(tokenizer, chosen, other)


def test_rows_of_a_further_training_are_others_than_those_of_the_first() -> None:
    world = make_world()
    first = pretrain._rows(world, 87, PretrainRun(Path("unused")))
    more = pretrain._rows(world, 87, PretrainRun(Path("unused"), base=Path("unused")))
    assert first[:20] != more[:20]


def test_an_epoch_is_made_when_one_of_its_examples_is_wanted() -> None:
    made = []

    def make() -> list[object]:
        made.append(1)
        return ["first", "second"]

    epoch = pretrain._Epoch(2, make)  # type: ignore[arg-type]
    assert len(epoch) == 2
    assert not made
    assert [epoch[1], epoch[0]] == ["second", "first"]
    assert len(made) == 1
