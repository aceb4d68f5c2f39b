"""Preference tuning raises the better replies over the worse ones; pairs come from critique and revision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.state import AcceleratorState

from instill.errors import UsageError
from instill.lab.micro_model import make_tokenizer
from instill.models.generators.protocol import Message
from instill.models.generators.transformers_models import open_model
from instill.train.generator.data.examples import make_examples
from instill.train.generator.data.rows import Row, chat_row, write_rows
from instill.train.generator.loop.replies import log_likelihoods
from instill.train.generator.methods.methods import Method, prepare
from instill.train.generator.methods.preference import train_preferences, write_pairs
from instill.train.generator.recipes.training_section import Hyperparameters
from instill.train.pipeline import train_recipe
from instill.train.progress import TrainingStep
from tests.train.pipeline.small_recipes import recipe_of, small_llama, write_task

CHOSEN = Hyperparameters(epochs=6, batch_size=4, learning_rate=5e-3, precision="fp32")
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}


def pairs(**more: Any) -> list[Row]:
    found: list[Row] = []
    for who in ("Ada", "Bruno", "Clara", "Elif"):
        row = chat_row(f"Where is {who}?", f"{who} is at sea.")
        found.append(Row(row.messages, rejected="No idea, ask them.", place=f"pairs.jsonl:{len(found) + 1}", **more))
    return found


def tokenizer(template: bool = True) -> Any:
    made = make_tokenizer([f"{row.prompt} {row.answer} {row.rejected}" for row in pairs()])
    if not template:
        made.chat_template = None
    return made


def margins(model: Any, made: Any) -> list[float]:
    """Of each pair: log-probability of the better reply minus that of the worse one."""
    worse = [Row((*row.prompt, {"role": "assistant", "content": row.rejected})) for row in pairs()]
    better, other = (log_likelihoods(model, make_examples(rows, made)) for rows in (pairs(), worse))
    return [one - two for (one, _), (two, _) in zip(better, other, strict=True)]


@pytest.mark.parametrize("kind", ["full", "lora", "dora"])
def test_the_better_reply_rises_over_the_worse(kind: Any, tmp_path: Path, capfd: Any) -> None:
    made = tokenizer()
    model = prepare(small_llama(made), Method(kind=kind, rank=4))
    before, seen = margins(model, made), list[TrainingStep]()
    names = [name for name, _ in model.named_parameters()]
    train_preferences(model, made, pairs(), CHOSEN, tmp_path, beta=0.1, progress=seen.append)
    assert all(after > old + 1 for after, old in zip(margins(model, made), before, strict=True))
    assert [entry.step for entry in seen] == list(range(1, 7))
    assert seen[-1].loss < seen[0].loss
    assert seen[-1].seconds > seen[0].seconds > 0
    # Nothing of trl stays behind: no reference adapter, no other forward, no settings for the next run.
    assert [name for name, _ in model.named_parameters()] == names
    assert "forward" not in (model.get_base_model() if kind != "full" else model).__dict__
    assert AcceleratorState._shared_state == {}
    out, err = capfd.readouterr()
    assert out == ""
    assert "Map" not in err
    assert "{" not in err


@pytest.mark.parametrize("more", [{}, {"tools": (TOOL,)}])
def test_tools_and_models_without_a_template(more: dict[str, Any], tmp_path: Path) -> None:
    made = tokenizer(template=bool(more))
    model = prepare(small_llama(made), Method(kind="full"))
    before = margins(model, made)
    train_preferences(model, made, pairs(**more), CHOSEN, tmp_path, beta=0.1)
    assert sum(margins(model, made)) > sum(before) + 4


@pytest.mark.parametrize("micro_tokens", [64, 8192])
def test_a_step_learns_from_all_pairs_of_its_batch_in_parts_that_fit(micro_tokens: int, tmp_path: Path) -> None:
    made = tokenizer()
    rows = [*pairs(), *pairs(), *pairs()][:10]
    chosen = CHOSEN.model_copy(
        update={"batch_size": 10, "epochs": 1, "micro_tokens": micro_tokens, "steps": None, "precision": "fp32"}
    )
    torch.manual_seed(0)
    model = prepare(small_llama(made), Method(kind="full"))
    seen = list[TrainingStep]()
    train_preferences(model, made, rows, chosen, tmp_path, beta=0.1, progress=seen.append)
    assert [entry.step for entry in seen] == [1]


def test_a_stopped_run_goes_on_from_the_last_whole_checkpoint(tmp_path: Path) -> None:
    made = tokenizer()

    def run(folder: Path, stop_at: int) -> tuple[list[int], torch.Tensor]:
        torch.manual_seed(0)
        model = prepare(small_llama(made), Method(kind="full"))
        seen: list[int] = []

        def report(entry: Any) -> None:
            seen.append(entry.step)
            if entry.step == stop_at:
                raise KeyboardInterrupt

        with suppress(KeyboardInterrupt):
            train_preferences(model, made, pairs(), CHOSEN, folder, beta=0.1, save_every=2, progress=report)
        return seen, model.model.norm.weight.detach().clone()

    whole = run(tmp_path / "whole", 0)
    assert run(tmp_path / "stopped", 4)[0] == [1, 2, 3, 4]
    # One that was broken off while it was written.
    torn = tmp_path / "stopped/trl/checkpoint-5"
    torn.mkdir()
    (torn / "model.safetensors").write_bytes(b"torn")
    (torn / "trainer_state.json").write_text('{"global_')
    seen, weights = run(tmp_path / "stopped", 0)
    assert seen in ([3, 4, 5, 6], [5, 6])
    assert torch.equal(weights, whole[1])


def test_a_recipe_of_preferences_and_then_another_recipe(tmp_path: Path) -> None:
    task = write_task(tmp_path)
    write_rows(pairs(), task / "pairs.jsonl")
    more = "[training]\nsteps = 3\nbatch_size = 4\nprecision = 'bf16'\n[preference]\nbeta = 0.2\n"
    plain = "method = 'lora'\nobjective = 'preference'\n"
    recipe = recipe_of(task, name="pairs", plain=plain, data='rows = ["pairs.jsonl"]', more=more)
    outcome = train_recipe(task, recipe)
    assert outcome.card.metrics.after["training"]["steps"] == 3
    open_model(task / "base", candidate=outcome.folder)
    exact = "[training]\nsteps = 2\nprecision = 'fp32'\n"
    first = train_recipe(task, recipe_of(task, more=exact)).folder / "weights.safetensors"
    before = first.read_bytes()
    train_recipe(task, recipe, again=True)
    train_recipe(task, recipe_of(task, more=exact), again=True)
    assert first.read_bytes() == before  # The precision of preference tuning did not stay.


def test_what_is_no_pair_is_refused(tmp_path: Path) -> None:
    made = tokenizer()
    good = pairs()[0]
    for row in (Row(good.messages, place="a:3"), Row(good.messages, rejected=good.answer, place="a:3")):
        with pytest.raises(UsageError, match="no pair") as caught:
            train_preferences(small_llama(made), made, [good, row], CHOSEN, tmp_path, beta=0.1)
        assert caught.value.where == "a:3"


def test_replay_has_no_effect_on_preferences_and_is_refused(tmp_path: Path) -> None:
    task = write_task(tmp_path)
    with pytest.raises(UsageError, match="Replay has no effect"):
        recipe_of(task, plain="objective = 'preference'\n", data='replay = ["crafts.jsonl"]')


class Scripted:
    """A generator that says what it is told to, and remembers what it was asked."""

    def __init__(self, *says: str) -> None:
        self._says = list(says)
        self.asked: list[str] = []

    def stream(self, messages: Sequence[Message], **_: Any) -> Iterator[str]:
        self.asked.append(messages[-1]["content"])
        yield from self._says.pop(0)


def test_pairs_are_replies_with_their_revisions() -> None:
    generator: Any = Scripted(
        *("Do it yourself.", "It is rude.", "Gladly: here it is."),
        *("Here you are.", "NONE."),
        *("Go away.", "It is rude.", "Go away."),
        *("No.", "It is short.", ""),
    )
    prompts = [[{"role": "user", "content": f"Please {number}"}] for number in range(4)]
    done: list[tuple[int, int]] = []
    found = list(write_pairs(generator, prompts, ["Be polite."], progress=lambda *each: done.append(each)))
    assert [(row.prompt, row.answer, row.rejected, row.task) for row in found] == [
        (tuple(prompts[0]), "Gladly: here it is.", "Do it yourself.", "Be polite.")
    ]
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert generator.asked[0] == "Please 0"
    assert "Principle: Be polite." in generator.asked[1]
    assert "Do it yourself." in generator.asked[1]
    assert "What is wrong: It is rude." in generator.asked[2]


def test_pairs_need_principles() -> None:
    with pytest.raises(UsageError, match="no principles"):
        next(write_pairs(Scripted(), [[]], []))  # type: ignore[arg-type]
