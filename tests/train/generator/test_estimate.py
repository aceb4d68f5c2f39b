"""The estimate: measured on steps of the run, which change nothing; exact where it can be; what else would fit."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from instill.cli.train_dry_run import show_dry_run
from instill.train.generator.beforehand.dry_run import dry_run
from instill.train.generator.beforehand.estimate import Estimate, Memory, _steps, estimate
from instill.train.generator.beforehand.memory import _left_in_group, free_memory
from instill.train.generator.beforehand.savings import Saving, savings
from instill.train.generator.data.examples import Example, make_examples
from instill.train.generator.data.rows import chat_row, write_rows
from instill.train.generator.loop.frozen_cache import FrozenCache
from instill.train.generator.methods.methods import Method, prepare
from instill.train.generator.recipes.recipe import read_recipe
from instill.train.generator.recipes.training_section import Hyperparameters
from tests.train.generator.tiny_tasks import bookings, tiny_model, tokenizer, write_recipe

CHOSEN = Hyperparameters(epochs=3, batch_size=5, precision="fp32", micro_tokens=64, pack_width=64)
CPU = torch.device("cpu")


pytestmark = pytest.mark.usefixtures("one_thread")


def examples() -> list[Example]:
    return make_examples(bookings(), tokenizer())


def state(model: Any) -> dict[str, bytes]:
    return {name: each.detach().numpy().tobytes() for name, each in model.state_dict().items()}


def estimated(model: Any, **options: Any) -> Estimate:
    found = examples()
    return estimate(model, lambda epoch: found, CHOSEN, **options)


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_nothing_changes_and_memory_is_counted(kind: Any) -> None:
    model = prepare(tiny_model(tokenizer()), Method(kind=kind, rank=2, dropout=0.1 if kind == "lora" else 0)).eval()
    before, random = state(model), torch.random.get_rng_state()
    found = estimated(model)
    assert state(model) == before
    assert torch.equal(torch.random.get_rng_state(), random)
    assert all(each.grad is None for each in model.parameters())
    assert not model.training
    trained = sum(each.numel() for each in model.parameters() if each.requires_grad)
    everything = sum(each.numel() for each in model.parameters())
    memory = found.memory
    assert (memory.parameters, memory.gradients, memory.moments) == (4 * everything, 4 * trained, 8 * trained)
    assert memory.peak == memory.parameters + memory.needed
    assert memory.needed == 12 * trained + memory.activations
    assert (found.device, found.precision, found.steps) == ("cpu", "fp32", 9)
    assert found.fits
    assert found.savings == ()
    assert found.step_seconds is not None
    assert found.seconds == pytest.approx(9 * found.step_seconds)
    assert 0 < found.step_seconds < 10


def test_the_time_of_a_run_grows_with_its_steps() -> None:
    found, model = examples(), tiny_model(tokenizer())
    several = estimate(model, lambda epoch: found, CHOSEN.model_copy(update={"steps": 100}))
    assert several.steps == 100
    assert several.step_seconds is not None
    assert several.seconds == pytest.approx(100 * several.step_seconds)


def test_the_largest_step_and_the_middle_one_are_measured() -> None:
    rows = [chat_row("a", "one " * count) for count in range(1, 8)]
    largest, middle = _steps(make_examples(rows, tokenizer()), CHOSEN.model_copy(update={"batch_size": 1}))
    assert [each.number for each in largest] == [6]
    assert [each.number for each in middle] == [3]


def test_with_the_cache_later_epochs_are_measured_as_they_run(tmp_path: Path) -> None:
    model = prepare(tiny_model(tokenizer()), Method(kind="full", last_layers=1))
    before = state(model)
    cache = FrozenCache(tmp_path, model, 3, precision="fp32")
    found = estimated(model, lower=cache, last_layers=1)
    assert state(model) == before
    assert cache.reused > 0
    assert found.seconds is not None
    assert found.step_seconds is not None


def test_a_run_that_does_not_fit_is_not_tried() -> None:
    model = tiny_model(tokenizer())
    found = estimated(model, free=1000)
    assert not found.fits
    assert (found.step_seconds, found.seconds, found.memory.activations) == (None, None, 0)
    assert [each.change for each in found.savings] == ['method = "lora"', "last_layers = 1"]
    assert found.as_dict()["fits"] is False


def test_memory_that_runs_out_while_measuring_is_no_crash() -> None:
    def hungry(*_: object) -> Any:
        raise torch.OutOfMemoryError("out of memory")

    free = 10**9
    found = estimated(tiny_model(tokenizer()), objective=hungry, free=free)
    assert not found.fits
    assert found.seconds is None
    assert found.memory.needed > free


def test_what_each_change_saves() -> None:
    model = tiny_model(tokenizer())
    numbers = sum(each.numel() for each in model.parameters())
    layer = sum(each.numel() for each in model.model.layers[0].parameters())
    # query and output 16 to 16, key and value 16 to 8, gate and up 16 to 32, down 32 to 16
    adapter = 4 * 8 * (2 * 32 + 2 * 24 + 3 * 48)
    fixed, activations = 12 * numbers, 1_000_000
    free = fixed + 300_000
    chosen = Hyperparameters(micro_tokens=4096, pack_width=64)
    found = savings(model, chosen, fixed=fixed, activations=activations, free=free, widest=4096, longest=64, bf16=True)
    assert found == [
        Saving("training.micro_tokens = 1024", fixed + 250_000, True),
        Saving('method = "lora"', 12 * adapter + activations, 12 * adapter + activations <= free),
        Saving("last_layers = 1", 12 * layer + 250_000, True),
    ]


def test_changes_that_are_made_already_are_not_proposed() -> None:
    model = prepare(tiny_model(tokenizer()), Method(kind="lora", last_layers=1))
    chosen = Hyperparameters(micro_tokens=64, pack_width=64)
    assert (
        savings(model, chosen, fixed=10, activations=10, free=1, widest=64, longest=64, last_layers=1, bf16=True) == []
    )


@pytest.mark.parametrize(
    ("left", "longest", "tokens"), [(500, 64, 2048), (499, 64, 1024), (0, 64, 64), (0, 700, 1024), (0, 5000, 0)]
)
def test_micro_tokens_are_the_most_that_fit_or_the_fewest_possible(left: int, longest: int, tokens: int) -> None:
    model = prepare(tiny_model(tokenizer()), Method(kind="lora"))
    found = savings(
        model,
        Hyperparameters(micro_tokens=8192),
        fixed=0,
        activations=1000,
        free=left,
        widest=4096,
        longest=longest,
        last_layers=1,
        bf16=True,
    )
    assert [each.change for each in found] == ([f"training.micro_tokens = {tokens}"] if tokens else [])


def test_peak_memory_is_seen_while_it_is_taken() -> None:
    # In a process of its own: what others freed here could be taken again unseen.
    program = (
        "import time, torch; from instill.train.generator.beforehand.memory import PeakMemory\n"
        "with PeakMemory(torch.device('cpu')) as peak:\n"
        "    taken = torch.ones(64 * 2**20, dtype=torch.uint8); time.sleep(0.05); del taken; time.sleep(0.05)\n"
        "print(peak.bytes)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 60 * 2**20 <= int(done.stdout) <= 90 * 2**20


def test_free_memory_follows_the_limit_of_a_container(tmp_path: Path) -> None:
    assert free_memory(CPU) > 0
    assert _left_in_group(tmp_path) is None
    for name, text in (
        ("memory.max", "1000"),
        ("memory.current", "700"),
        ("memory.stat", "anon 5\ninactive_file 50\n"),
    ):
        (tmp_path / name).write_text(text)
    assert _left_in_group(tmp_path) == 350
    (tmp_path / "memory.max").write_text("max\n")
    assert _left_in_group(tmp_path) is None


RECIPE = """
name = "small"
base = "base"
method = "full"
[data]
rows = ["a.jsonl"]
replay = ["general.jsonl"]
held_out = ["gate.jsonl"]
schema = "reply.schema.json"
[training]
batch_size = 4
precision = "fp32"
learning_rate = 2e-5
"""


def test_a_dry_run_of_a_clean_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tokenizer()
    model = tiny_model(made)
    recipe = read_recipe(write_recipe(tmp_path, RECIPE))
    before, files = state(model), sorted(tmp_path.iterdir())
    report = dry_run(recipe, prepare(model, recipe.as_method()), made)
    assert (state(model), sorted(tmp_path.iterdir())) == (before, files)
    assert (report.findings, report.passed) == ((), True)
    assert (report.rows, report.replay, report.replay_each, report.held_out) == (12, 12, 4, 2)
    assert report.estimate is not None
    assert report.estimate.steps == 12  # three epochs of 16 rows

    show_dry_run(recipe, report, as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert (printed["recipe"], printed["hash"]) == (recipe.effective(), recipe.hash)
    assert printed["row"].endswith('<|assistant|>⟦{"city": "Oslo", "nights": 2}<|end|>⟧')
    assert printed["estimate"]["memory"]["gradients"] == report.estimate.memory.gradients
    assert (printed["passed"], printed["findings"]) == (True, [])

    show_dry_run(recipe, report, as_json=False)
    said = capsys.readouterr().out
    for part in (
        "learning_rate = 2e-05",
        f"recipe {recipe.hash}: 12 rows, 4 of 12 rows of replay an epoch, 2 rows held out",
        '⟦{"city": "Oslo", "nights": 2}<|end|>⟧',
        "Nothing is wrong with the rows.",
        "On cpu in fp32, 12 steps:",
        "It fits: ",
    ):
        assert part in said


def test_a_dry_run_of_a_recipe_with_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tokenizer()
    recipe = read_recipe(write_recipe(tmp_path, RECIPE))
    write_rows([*bookings()[:3], chat_row("Weather?", "Sun")], tmp_path / "gate.jsonl")
    model = prepare(tiny_model(made), recipe.as_method())
    report = dry_run(recipe, model, made)
    assert [(each.name, each.severity, each.count) for each in report.findings] == [
        ("held-out-in-training", "error", 3),
        ("reply-not-json", "warning", 1),
    ]
    assert (report.passed, report.estimate) == (False, None)
    show_dry_run(recipe, report, as_json=False)
    said = capsys.readouterr().out
    assert "error: Rows that are held out, or that the gate measures on, are trained on" in said
    assert "gate.jsonl:1 = a.jsonl:1; gate.jsonl:2 = a.jsonl:2" in said


def test_the_models_context_limits_the_rows(tmp_path: Path) -> None:
    made = tokenizer()
    recipe = read_recipe(write_recipe(tmp_path, RECIPE))
    report = dry_run(recipe, prepare(tiny_model(made, context=16), recipe.as_method()), made)
    assert ("truncated", 12) in [(each.name, each.count) for each in report.findings]


def test_what_does_not_fit_is_said_with_what_to_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tokenizer()
    recipe = read_recipe(write_recipe(tmp_path, RECIPE))
    report = dry_run(recipe, prepare(tiny_model(made), recipe.as_method()), made, measure=False)
    assert report.estimate is None
    costly = Estimate(
        "cuda",
        "bf16",
        100,
        2.5,
        250.0,
        Memory(2_000_000_000, 2_000_000_000, 4_000_000_000, 3_000_000_000),
        6_500_000_000,
        (Saving("training.micro_tokens = 1024", 6_400_000_000, True),),
    )
    show_dry_run(recipe, replace(report, estimate=costly), as_json=False)
    assert capsys.readouterr().out.endswith(
        "On cuda in bf16, 100 steps:\n"
        "time    4 min 10 s in all, 2.50 s a step\n"
        "memory  11.0 GB at most: parameters 2.0 GB, gradients 2.0 GB, moments 4.0 GB, activations 3.0 GB\n"
        "It does not fit: 9.0 GB are needed beside the model, 6.5 GB are free.\n"
        "- training.micro_tokens = 1024: 6.4 GB are needed, fits\n"
    )
