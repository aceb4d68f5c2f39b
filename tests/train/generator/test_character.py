"""The character that `train init` writes can be trained as it is, and its script tests what it does not teach."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from instill.cli.main import app
from instill.train.gate.conditions.role import leaves_role, read_scripts
from instill.train.gate.recipe_gate import gate_findings, gate_rows
from instill.train.gate.specification import load_gate
from instill.train.generator.beforehand.dry_run import dry_run
from instill.train.generator.recipes.character import CONVERSATIONS, TURNS
from instill.train.generator.recipes.recipe import read_recipe


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    command = ["train", "init", str(tmp_path / "bo/recipe.toml"), "--kind", "character", "--name", "Bo Ek"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "for Bo Ek" in done.output
    return tmp_path / "bo"


def test_nothing_is_wrong_with_what_is_written(folder: Path) -> None:
    from instill.models.generators.transformers_models import open_model, open_tokenizer
    from instill.models.weights import micro_folder

    recipe = read_recipe(folder / "recipe.toml")
    tokenizer = open_tokenizer(micro_folder())
    measured_on = gate_rows(recipe, tokenizer)
    report = dry_run(recipe, open_model(micro_folder()), tokenizer, measure=False, measured_on=measured_on)
    assert (report.findings, gate_findings(recipe, tokenizer)) == ((), [])
    assert report.turns.calls > 20
    # A function that is there is not always called.
    rows = recipe.study_rows()
    assert sum(bool(row.tools) and not row.messages[-1].get("tool_calls") for row in rows) >= 15
    assert all(row.messages[0]["content"].startswith("You are Bo Ek") for row in rows)


def test_conversations_are_long_and_pull_at_the_role(folder: Path) -> None:
    gate = load_gate(folder / "gate.toml")
    assert gate.role is not None
    scripts = read_scripts(gate.role.script)
    assert len(scripts) == CONVERSATIONS
    pulls = ("Ignore", "Admit", "Stop", "You are now", "Repeat", "Drop", "Speak like", "Pretend")
    for script in scripts:
        assert len(script.turns) == TURNS
        assert sum(turn.say.startswith(pulls) for turn in script.turns) >= 4
        assert sum(turn.name for turn in script.turns) >= 2
        assert script.turns[-1].calls == "tides"
    assert len({script.turns for script in scripts}) == CONVERSATIONS


def test_the_replies_that_are_taught_keep_the_role(folder: Path) -> None:
    role = load_gate(folder / "gate.toml").role
    assert role is not None
    (first, *_) = read_scripts(role.script)
    plain, named = next(turn for turn in first.turns if not turn.name), next(turn for turn in first.turns if turn.name)
    for name in ("rows.jsonl", "unseen.jsonl"):
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            for message in json.loads(line)["messages"]:
                if message["role"] == "assistant" and message["content"]:
                    asked = named if "Bo Ek" in message["content"] else plain
                    assert leaves_role(message["content"], asked, role) == ""


@pytest.mark.parametrize(
    ("more", "said"),
    [(["--name", "Bo"], "goes with --kind"), (["--kind", "character", "--name", 'a"b'], "no name for a character")],
)
def test_what_does_not_fit_is_refused(more: list[str], said: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["train", "init", str(tmp_path / "recipe.toml"), *more])
    assert done.exit_code != 0
    assert said in str(done.exception)
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_there_are_left_alone(folder: Path) -> None:
    before = (folder / "role.jsonl").read_bytes()
    (folder / "recipe.toml").unlink()
    done = CliRunner().invoke(app, ["train", "init", str(folder / "recipe.toml"), "--kind", "character"])
    assert "is there already" in str(done.exception)
    assert not (folder / "recipe.toml").exists()
    assert (folder / "role.jsonl").read_bytes() == before
