"""A run that cannot learn is told so before it begins, with what would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instill.train.generator.beforehand.few_steps import few_steps
from instill.train.generator.recipes.recipe import Data, Recipe


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """As large as a real model; nothing is read of it."""
    with (tmp_path / "model.safetensors").open("wb") as stream:
        stream.truncate(60_000_000)
    (tmp_path / "config.json").write_text('{"hidden_size": 576}', encoding="utf-8")
    return tmp_path


def said(base: Path, rows: int, method: str = "lora", **training: Any) -> str:
    values = {"name": "a", "base": "x", "method": method, "data": Data(rows=["r.jsonl"]), "training": training}
    found = few_steps(Recipe.model_validate(values), rows, base)
    return " ".join(str(each) for each in found)


def test_few_rows_in_few_epochs_at_a_low_rate(base: Path) -> None:
    assert said(base, 80, epochs=3, batch_size=16, learning_rate=2e-4) == (
        "The run has 15 steps at a rate of 0.0002, in which an adapter learns little. "
        "Set below [training]: epochs = 5, batch_size = 8, learning_rate = 0.001."
    )


def test_a_rate_is_low_beside_the_usual_one_of_the_model(base: Path) -> None:
    assert "learning_rate = 0.001." in said(base, 400, learning_rate=3e-4)
    (base / "config.json").write_text('{"hidden_size": 4096}', encoding="utf-8")
    assert said(base, 400, learning_rate=3e-4) == ""


@pytest.mark.parametrize(
    ("rows", "training"), [(80, {"epochs": 5, "batch_size": 8, "learning_rate": 1e-3}), (5000, {}), (9, {"steps": 200})]
)
def test_enough(base: Path, rows: int, training: dict[str, Any]) -> None:
    assert said(base, rows, **training) == ""


def test_what_it_advises_is_enough(base: Path) -> None:
    for rows in (1, 7, 8, 9, 33, 100, 399):
        advice = said(base, rows).partition("[training]: ")[2].rstrip(".")
        training: dict[str, Any] = dict(each.split(" = ") for each in advice.split(", "))
        assert said(base, rows, **training) == "", rows


def test_steps_that_were_set_are_what_is_changed(base: Path) -> None:
    assert said(base, 1000, steps=10, learning_rate=1e-3).endswith("[training]: steps = 50.")


@pytest.mark.parametrize(("method", "usual"), [("full", "0.0001"), ("lora", "0.001")])
def test_the_rate_of_another_model_is_told(base: Path, method: str, usual: str) -> None:
    """That of the micro model, for example, left in the recipe when the base was changed."""
    told = said(base, 80, method, epochs=10, learning_rate=0.02)
    assert f"times the usual one for this model and method = '{method}' ({usual})" in told
    assert f"learning_rate = {usual}." in told
    assert "high" not in said(base, 80, method, epochs=10, learning_rate=float(usual))


def test_whole_weights_and_small_models_are_not_judged(base: Path, tmp_path: Path) -> None:
    assert said(base, 8, method="full") == ""
    (base / "model.safetensors").write_bytes(b"small")
    assert said(base, 8) == ""
