"""What a recipe leaves open goes by its rows and its model; what it says stays."""

from __future__ import annotations

import json
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.train.generator.beforehand.few_steps import few_steps
from instill.train.generator.recipes.defaults import MOST_EPOCHS, STEPS, learning_rate, settled
from instill.train.generator.recipes.recipe import Data, Recipe
from instill.train.generator.recipes.training_section import Hyperparameters


def filled(rows: int, base: Path = Path("missing"), **given: Any) -> Hyperparameters:
    training = given.pop("training", {})
    recipe = Recipe(name="a", base="x", data=Data(**given.pop("data", {"rows": ["r"]})), training=training, **given)
    return settled(recipe, rows, base).training


@pytest.mark.parametrize(
    ("rows", "batch", "epochs"), [(80, 8, 6), (24, 8, 20), (5, 8, 30), (300, 8, 3), (320, 16, 3), (5000, 16, 3)]
)
def test_few_rows_are_seen_more_often(rows: int, batch: int, epochs: int) -> None:
    found = filled(rows)
    assert (found.batch_size, found.epochs, found.steps) == (batch, epochs, 0)


@given(st.integers(1, 3000))
def test_steps_are_enough_or_the_epochs_as_many_as_may_be(rows: int) -> None:
    found = filled(rows)
    assert ceil(rows / found.batch_size) * found.epochs >= STEPS or found.epochs == MOST_EPOCHS


@given(st.integers(1, 3000), st.integers(1, 64), st.integers(1, 9), st.sampled_from([1e-5, 2e-4]))
def test_what_is_written_stays(rows: int, batch: int, epochs: int, rate: float) -> None:
    written = {"batch_size": batch, "epochs": epochs, "learning_rate": rate, "seed": 3}
    assert filled(rows, training=written).model_dump() == Hyperparameters(**written).model_dump()
    assert filled(rows, training={"batch_size": batch}).batch_size == batch
    assert filled(rows, training={"epochs": epochs}).epochs == epochs


@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        ({"vocab_size": 2_000}, 8192),
        ({"vocab_size": 49_152}, 2048),
        ({"text_config": {"vocab_size": 128_256}}, 1024),
        ({"vocab_size": 10**7}, 512),
        ({"vocab_size": "many"}, 8192),
    ],
)
def test_a_large_vocabulary_means_fewer_tokens_at_one_time(config: Any, tokens: int, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert filled(80, tmp_path).micro_tokens == tokens
    assert filled(80, tmp_path, training={"micro_tokens": 4096}).micro_tokens == 4096


def test_replay_counts_among_the_rows_of_an_epoch() -> None:
    replayed = filled(200, data={"rows": ["r"], "replay": ["q"], "replay_share": 0.5})
    assert (replayed.batch_size, filled(200).batch_size) == (16, 8)


@pytest.mark.parametrize(
    ("config", "rate"),
    [
        ({"hidden_size": 576}, 1e-3),
        ({"text_config": {"hidden_size": 4096}}, 3e-4),
        ({"n_embd": 768}, 1e-3),
        ({"hidden_size": "many"}, 5e-4),
        ([], 5e-4),
        (None, 5e-4),
    ],
)
def test_the_rate_goes_by_the_width_of_the_model(tmp_path: Path, config: Any, rate: float) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert filled(80, tmp_path).learning_rate == rate
    assert filled(80, tmp_path, method="full").learning_rate == pytest.approx(rate / 10)
    assert filled(80, tmp_path, last_layers=2).learning_rate == pytest.approx(rate / 10)
    assert filled(80, tmp_path, objective="preference").learning_rate == pytest.approx(rate / 10)


@given(st.sampled_from(["lora", "dora", "full"]), st.integers(1, 20000), st.sampled_from(["next_token", "preference"]))
def test_every_rate_can_be_used(method: str, width: int, objective: str) -> None:
    rate = learning_rate(method, width, objective)
    assert 0 < rate <= 1
    assert learning_rate(method, 2 * width, objective) <= rate


@pytest.mark.parametrize("width", [576, 2048, 8192])
def test_nothing_is_warned_of_that_was_filled_in(tmp_path: Path, width: int) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": width}), encoding="utf-8")
    with (tmp_path / "model.safetensors").open("wb") as stream:
        stream.truncate(60_000_000)  # As large as a real model; nothing is read of it.
    recipe = Recipe(name="a", base="x", data=Data(rows=["r"]))
    warned = [rows for rows in range(1, 2000, 7) if few_steps(settled(recipe, rows, tmp_path), rows, tmp_path)]
    assert warned == [1, 8]
