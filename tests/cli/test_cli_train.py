"""`instill train` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from instill.models.generators.transformers_models import open_tokenizer
from instill.models.weights import micro_folder
from instill.train.gate.recipe_gate import gate_findings
from instill.train.gate.specification import load_gate
from instill.train.generator.recipes.recipe import read_recipe
from tests.cli.test_cli import as_json, instill
from tests.train.pipeline.small_recipes import GAIN, TRAINING, recipe_of, write_gate, write_task


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with recipes: one that passes its gate, one without a gate, one whose rows are wrong."""
    folder = tmp_path_factory.mktemp("train")
    instill("init", "kb", cwd=folder)
    kb = write_task(folder / "kb")
    gate = write_gate(kb, GAIN)
    recipe_of(kb, plain=gate)
    recipe_of(kb, name="adapter", plain="method = 'lora'\n", more=TRAINING.replace("epochs = 12", "steps = 2"))
    (kb / "wrong.jsonl").write_text('{"messages": [{"role": "user", "content": "a"}]}\n')
    recipe_of(kb, name="wrong", data='rows = ["wrong.jsonl"]')
    return kb


def test_a_recipe_from_dry_run_to_champion(kb: Path) -> None:
    dry = as_json("train", "homes.toml", "--dry-run", cwd=kb)
    assert (dry["passed"], dry["rows"], dry["recipe"]["method"]) == (True, 36, "full")
    first = instill("train", "homes.toml", cwd=kb)
    assert ": 24 steps in " in first.stdout
    assert "ok              The gain of 1.000" in first.stdout
    assert "Passed: it is the champion. Undo: instill models rollback" in first.stdout
    assert "Loading weights" not in first.stderr
    assert "Warning" not in first.stderr
    second = as_json("train", "run", "homes.toml", cwd=kb)
    assert (second["trained"], second["promoted"], second["tried"]) == (False, True, [])
    assert "is there already" in instill("train", "homes.toml", cwd=kb).stdout
    assert [each["champion"] for each in as_json("models", "list", cwd=kb)["candidates"]] == [True]


def test_a_recipe_without_a_gate_is_kept(kb: Path) -> None:
    done = instill("train", "adapter.toml", cwd=kb)
    assert "No gate: it is kept, not promoted. Next: instill models show adapter-" in done.stdout
    assert "Warning" not in done.stderr


def test_what_is_wrong_is_said_and_stops_the_run(kb: Path) -> None:
    assert "no assistant" in instill("train", "wrong.toml", cwd=kb, code=2).stderr
    assert "no assistant" in instill("train", "wrong.toml", "--dry-run", cwd=kb, code=2).stdout
    several = instill("train", "homes.toml", "adapter.toml", cwd=kb, code=2).stderr
    assert "--order sequential, --order joint, or --order both" in several
    differing = instill("train", "homes.toml", "adapter.toml", "--order", "joint", cwd=kb, code=2).stderr
    assert "no rows to measure the task with" in differing
    assert "No such file" in instill("train", "nothing.toml", cwd=kb, code=2).stderr


def test_a_script_is_told_by_the_exit_code_what_its_gate_said(kb: Path) -> None:
    short = TRAINING.replace("epochs = 12", "steps = 1")
    recipe_of(kb, name="hopeless", plain=write_gate(kb, GAIN), more=short)
    assert "Rejected" in instill("train", "hopeless.toml", "--strict", cwd=kb, code=7).stdout
    again = instill("train", "hopeless.toml", "--strict", "--json", cwd=kb, code=7)
    assert '"promoted": false' in again.stdout
    instill("train", "hopeless.toml", cwd=kb)
    assert "needs one recipe with a gate" in instill("train", "adapter.toml", "--strict", cwd=kb, code=2).stderr


def test_init_leaves_files_alone(kb: Path) -> None:
    instill("train", "init", "new/recipe.toml", cwd=kb)
    assert (kb / "new/gate.toml").exists()
    assert "is there already" in instill("train", "init", "new/recipe.toml", cwd=kb, code=2).stderr
    (kb / "new/gate.toml").write_text("# mine")
    assert "the recipe names it as it is" in instill("train", "init", "new/second.toml", cwd=kb).stdout
    assert (kb / "new/gate.toml").read_text() == "# mine"
    assert 'gate = "gate.toml"' in (kb / "new/second.toml").read_text()


def test_a_base_that_is_misspelt_and_rows_that_are_no_text_are_told(kb: Path) -> None:
    (kb / "odd.jsonl").write_bytes(b'{"text": "a"}\n{"text": "caf\xe9"}\n')
    recipe = 'name = "x"\nbase = "{}"\n\n[data]\nrows = ["odd.jsonl"]\n'
    (kb / "misspelt.toml").write_text(recipe.format("smolm2"))
    assert "Did you mean smollm2?" in instill("train", "misspelt.toml", cwd=kb, code=2).stderr
    (kb / "no-text.toml").write_text(recipe.format("micro"))
    told = instill("train", "no-text.toml", cwd=kb, code=2).stderr
    assert "The rows are not UTF-8 text." in told
    assert "odd.jsonl:2" in told


def test_init_writes_for_the_rows_that_are_there(kb: Path) -> None:
    folder = kb / "there"
    folder.mkdir()
    rows = [{"messages": [{"role": "user", "content": f"Ticket {each}"}, {"role": "assistant", "content": "{}"}]}
            for each in range(100)]  # fmt: skip
    for name, some in (("train", rows[:80]), ("test", rows[80:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in some))
    (folder / "ticket.schema.json").write_text('{"type": "object"}')
    told = instill("train", "init", "there/recipe.toml", cwd=kb).stdout
    assert "learnt: train.jsonl" in told
    assert "the gain is measured on: test.jsonl (20 rows)" in told
    recipe = read_recipe(folder / "recipe.toml")
    assert (recipe.gate, recipe.data.rows, recipe.data.reply_schema) == (
        "gate.toml",
        ["train.jsonl"],
        "ticket.schema.json",
    )
    gate = load_gate(folder / "gate.toml")
    assert (gate.scoring, gate.format_rows) == ("json", folder / "test.jsonl")
    assert gate_findings(recipe, open_tokenizer(micro_folder())) == []


def test_pairs_need_a_generator(kb: Path) -> None:
    (kb / "principles.txt").write_text("Be polite.\n")
    asked = ("train", "pairs", "unseen.jsonl", "--principles", "principles.txt", "--out", "pairs.jsonl")
    assert "No generator is set" in instill(*asked, cwd=kb, code=2).stderr


def test_a_dry_run_goes_on_from_the_candidate_that_the_run_would(kb: Path) -> None:
    """It drew replies from the base, and took a candidate that is not there."""
    assert (
        "no such candidate" in instill("train", "adapter.toml", "--from", "nosuch", "--dry-run", cwd=kb, code=2).stderr
    )
    instill("train", "homes.toml", cwd=kb)
    other = instill("train", "adapter.toml", "--from", "homes", "--dry-run", cwd=kb, code=2).stderr
    assert "was trained in another way: method, lora differ" in other
    assert as_json("train", "homes.toml", "--from", "homes", "--dry-run", cwd=kb)["passed"]


def test_what_is_not_trained_yet_cannot_be_attacked(kb: Path) -> None:
    recipe_of(kb, name="later", more=TRAINING)
    said = instill("train", "attack", "later.toml", "--out", "attacks.jsonl", cwd=kb, code=2).stderr
    assert "Train it first: instill train later.toml" in said
    assert "--candidate base" in said
    assert "seed" in instill("train", "attack", "later.toml", "--out", "a.jsonl", "--seed", "-1", cwd=kb, code=2).stderr


def test_a_character_needs_a_name_and_a_recipe_its_gate(tmp_path: Path) -> None:
    empty = instill("train", "init", "c/recipe.toml", "--kind", "character", "--name", "", cwd=tmp_path, code=2)
    assert "This is no name for a character" in empty.stderr
    made = instill("train", "init", "plain/recipe.toml", cwd=tmp_path).stdout
    assert 'name the rows that measure in gate.toml, and set gate = "gate.toml" in the recipe' in made
