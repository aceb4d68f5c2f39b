"""From rows to a candidate by a recipe that can be run again, with real training of a tiny model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from instill.common.progress_watch import Watch
from instill.compare.tuned.tuning_by_recipe import TuningPlan, closed_rows, recipe_toml, tune
from instill.errors import UsageError, WorkspaceError
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.models.registry.card import Metrics
from instill.models.registry.champions import Champions
from instill.models.registry.store import Registry
from instill.train.generator.loop.replies import replies
from instill.train.generator.recipes.recipe import read_recipe
from tests.cli.test_cli import as_json, instill
from tests.compare.compare_world import World
from tests.train.pipeline.small_recipes import UNSEEN, homes, retention, write_task

ROWS: list[dict[str, Any]] = [{**row.as_dict(), "facts": ["f"], "item": "i"} for row in homes()]
REPLAY = [row.as_dict() for row in retention()]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_task(tmp_path_factory.mktemp("tuning")) / "base"


@pytest.fixture
def plan(base: Path) -> TuningPlan:
    return TuningPlan("known", str(base), "full", learning_rate=0.02, epochs=12, batch_size=18)


def test_a_plan_becomes_a_candidate_that_knows_and_is_not_promoted(
    plan: TuningPlan, base: Path, tmp_path: Path
) -> None:
    home = tmp_path / ".instill"
    tuned = tune(home, plan, ROWS, tmp_path / "known")
    found = Registry(home).check(tuned.candidate)
    assert (tuned.rows, tuned.steps, tuned.folder) == (36, 24, found.folder)
    assert tuned.seconds == found.card.metrics.after["training"]["seconds"] > 0
    assert found.card.rows.count == 36
    assert Champions(Registry(home)).lines() == {}
    model = open_model(base, candidate=found.folder)
    asked = [[{"role": "user", "content": UNSEEN.format("Ada")}]]
    assert replies(model, open_tokenizer(base), asked) == ["In the old harbour."]


def test_what_is_there_is_used_again_with_its_time(plan: TuningPlan, tmp_path: Path) -> None:
    home, stages = tmp_path / ".instill", list[str]()
    short = replace(plan, epochs=1)
    first = tune(home, short, ROWS, tmp_path / "known", watch=Watch(stage=stages.append))
    assert stages == ["opening", "training"]
    stages.clear()
    assert tune(home, short, ROWS, tmp_path / "known", watch=Watch(stage=stages.append)) == first
    assert stages == ["opening"]
    elsewhere = tune(home, short, ROWS, tmp_path / "elsewhere")
    assert (elsewhere.candidate, elsewhere.seconds) == (first.candidate, first.seconds)
    assert tune(home, replace(short, seed=1), ROWS, tmp_path / "seeded").candidate != first.candidate
    assert tune(home, short, ROWS[:-1], tmp_path / "fewer").candidate != first.candidate
    Registry(home).update(first.candidate, metrics=Metrics())
    with pytest.raises(WorkspaceError, match="how long its training took"):
        tune(home, short, ROWS, tmp_path / "known")


def test_the_written_recipe_makes_the_same_candidate_on_the_command_line(plan: TuningPlan, tmp_path: Path) -> None:
    instill("init", "kb", cwd=tmp_path)
    kb = tmp_path / "kb"
    tuned = tune(kb / ".instill", replace(plan, epochs=1), ROWS, kb / "known", replay=REPLAY)
    again = as_json("train", "known/recipe.toml", cwd=kb)
    assert (again["card"]["id"], again["trained"]) == (tuned.candidate, False)


def test_rows_are_written_as_they_are_and_replay_only_where_it_counts(plan: TuningPlan, tmp_path: Path) -> None:
    home, folder = tmp_path / ".instill", tmp_path / "known"
    short = replace(plan, epochs=1, replay_share=0.5)
    tuned = tune(home, short, ROWS, folder, replay=REPLAY, replay_seconds=7.0)
    written = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    assert written == ROWS
    recipe = read_recipe(tuned.recipe_file)
    assert (recipe.data.replay, recipe.data.replay_share) == (["replay.jsonl"], 0.5)
    assert [row.as_dict() for row in recipe.replay_rows()] == REPLAY
    assert tuned.replay_seconds == 7.0
    assert (tuned.rows, tuned.steps) == (36, 4)  # 36 rows and as many of replay, in batches of 18.
    for given, share in (((), 0.5), (REPLAY, 0.0)):
        bare = tune(home, replace(short, replay_share=share), ROWS, folder, replay=given, replay_seconds=7.0)
        assert bare.replay_seconds == 0.0
        assert (bare.steps, read_recipe(bare.recipe_file).data.replay) == (2, [])
        assert not (folder / "replay.jsonl").exists()


def test_an_adapter_has_its_rank_and_goes_on_from_its_parent(plan: TuningPlan, tmp_path: Path) -> None:
    home = tmp_path / ".instill"
    adapter = replace(plan, method="lora", rank=4, learning_rate=None, epochs=1)
    first = tune(home, adapter, ROWS, tmp_path / "first")
    recipe = read_recipe(first.recipe_file)
    assert (recipe.lora.rank, recipe.lora.alpha) == (4, 8)
    assert "learning_rate" not in recipe.training.model_fields_set  # It goes by the model.
    assert Registry(home).get(first.candidate).card.recipe["training"]["learning_rate"] == 1e-2
    second = tune(home, adapter, ROWS[:6], tmp_path / "second", parent=first.candidate)
    assert Registry(home).get(second.candidate).card.parent == first.candidate
    assert f"instill train recipe.toml --from {first.candidate}" in second.recipe_file.read_text()


def test_the_last_layers_of_the_micro_model_or_of_a_folder_are_named(plan: TuningPlan, base: Path) -> None:
    micro = recipe_toml(TuningPlan("known", "micro", "full", last_layers=2), replay=False)
    assert 'base = "micro"\nmethod = "full"\nlast_layers = 2\n' in micro
    assert "[lora]" not in micro
    assert "learning_rate" not in micro
    assert f'base = "{base}"' in recipe_toml(plan, replay=False)


def test_what_cannot_be_trained_is_said(plan: TuningPlan, tmp_path: Path) -> None:
    home, folder = tmp_path / ".instill", tmp_path / "known"
    wrong: list[tuple[TuningPlan, list[dict[str, Any]], str]] = [
        (plan, [], "no rows"),
        (replace(plan, name="fine-tuned, closed book"), ROWS, "recipe.toml: name"),
        (replace(plan, base=str(tmp_path / "nothing")), ROWS, "no folder at this path"),
        (replace(plan, learning_rate=2.0), ROWS, "training.learning_rate"),
        (plan, [{"question": "Where?"}], "neither messages"),
    ]
    for given, rows, said in wrong:
        with pytest.raises(UsageError, match=said):
            tune(home, given, rows, folder)
    assert Registry(home).ids() == []


def test_the_rows_of_a_study_set_teach_it_closed_book(world: World) -> None:
    rows = closed_rows(world.study)
    assert rows == world.study.rows()
    taught = {fact.id for fact in world.facts if fact.role == "taught"}
    assert {id_ for row in rows for id_ in row["facts"]} == taught
