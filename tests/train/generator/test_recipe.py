"""Recipes: what they hold, what is filled in, and what is said about mistakes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from instill.errors import UsageError
from instill.train.generator.data.rows import chat_row, write_rows
from instill.train.generator.recipes.base import base_folder
from instill.train.generator.recipes.recipe import Data, Lora, Recipe, known_keys, read_recipe
from instill.train.generator.recipes.recipe_template import template_toml
from instill.train.generator.recipes.training_section import Hyperparameters
from tests.train.generator.tiny_tasks import CITIES, SCHEMA, turns, write_recipe

SMALL = 'name = "small"\nbase = "base"\n'
ROWS = '[data]\nrows = ["a.jsonl"]\n'
FULL = """
name = "json-style"
base = "base"
method = "lora"
last_layers = 2
modules = "mlp"
gate = "gate.toml"
[lora]
rank = 4
alpha = 8
dropout = 0.1
[data]
rows = ["a.jsonl"]
replay = ["general.jsonl"]
replay_share = 0.5
held_out = ["gate.jsonl"]
schema = "reply.schema.json"
instructions = "Reply with JSON."
[training]
epochs = 2
seed = 7
"""


def test_everything_that_is_written_is_read(tmp_path: Path) -> None:
    recipe = read_recipe(write_recipe(tmp_path, FULL))
    assert recipe.effective() == {
        "name": "json-style",
        "base": "base",
        "method": "lora",
        "last_layers": 2,
        "modules": "mlp",
        "objective": "next_token",
        "gate": "gate.toml",
        "data": {
            "rows": ["a.jsonl"],
            "replay": ["general.jsonl"],
            "replay_share": 0.5,
            "held_out": ["gate.jsonl"],
            "schema": "reply.schema.json",
            "instructions": "Reply with JSON.",
        },
        "lora": {"rank": 4, "alpha": 8.0, "dropout": 0.1},
        "training": {**Hyperparameters().model_dump(), "epochs": 2, "seed": 7},
    }
    assert recipe.path("gate.toml") == tmp_path / "gate.toml"
    assert base_folder(recipe) == tmp_path / "base"
    assert recipe.schema_of_replies() == SCHEMA
    assert [len(recipe.study_rows()), len(recipe.replay_rows()), len(recipe.held_out_rows())] == [12, 12, 2]
    method = recipe.as_method()
    assert (method.kind, method.rank, method.alpha, method.dropout) == ("lora", 4, 8.0, 0.1)
    assert (method.last_layers, method.modules) == (2, "mlp")


@pytest.mark.parametrize(
    ("keys", "method"),
    [
        ("", "lora"),
        ('method = "dora"\n', "dora"),
        ('method = "full"\n', "full"),
        ("last_layers = 2\n", "full"),
        ('modules = "attention"\n', "full"),
        ('modules = "all"\n', "lora"),
        ('method = "lora"\nlast_layers = 2\n', "lora"),
    ],
)
def test_the_method_follows_from_what_is_named(tmp_path: Path, keys: str, method: str) -> None:
    recipe = read_recipe(write_recipe(tmp_path, SMALL + keys + ROWS + "[training]\nepochs = 1\n"))
    assert recipe.method == method
    assert recipe.training.model_fields_set == {"epochs"}
    assert ("lora" in recipe.effective()) == (method != "full")
    assert recipe.effective()["data"]["replay_share"] == 0.0


def test_a_learning_rate_that_is_written_stays(tmp_path: Path) -> None:
    text = SMALL + 'method = "full"\n' + ROWS + "[training]\nlearning_rate = 1e-3\n"
    assert read_recipe(write_recipe(tmp_path, text)).training.learning_rate == 1e-3


def test_a_recipe_made_in_python_keeps_what_it_leaves_open() -> None:
    training = Hyperparameters(epochs=1, seed=3)
    made = Recipe(name="a", base="micro", method="full", data=Data(rows=["x"]), training=training)
    assert made.training.model_fields_set == {"epochs", "seed"}
    given = Recipe(name="a", base="micro", data=Data(rows=["x"]), training=Hyperparameters(learning_rate=1e-4))
    assert (given.training.learning_rate, given.lora) == (1e-4, Lora())


def test_the_hash_follows_what_has_an_effect(tmp_path: Path) -> None:
    def hash_of(folder: str, text: str) -> str:
        (tmp_path / folder).mkdir(exist_ok=True)
        return read_recipe(write_recipe(tmp_path / folder, text)).hash

    here = hash_of("here", SMALL + ROWS)
    assert len(here) == 16
    assert here == hash_of("there", SMALL + 'method = "lora"\n' + ROWS + "[lora]\nrank = 8\n[distil]\n")
    assert here != hash_of("here", SMALL + ROWS + "[lora]\nrank = 16\n")
    assert here != hash_of("here", SMALL + ROWS + "[training]\nseed = 1\n")


@pytest.mark.parametrize(
    ("text", "where", "remedy"),
    [
        (SMALL + 'metod = "full"\n' + ROWS, "metod", "Did you mean method?"),
        (SMALL + ROWS + "[training]\nlearning_rat = 1e-4\n", "training.learning_rat", "training.learning_rate?"),
        (SMALL + ROWS + "[lora]\nrnk = 2\n", "lora.rnk", "Did you mean lora.rank?"),
        (SMALL + ROWS + 'schem = "x"\n', "data.schem", "Did you mean data.schema?"),
        (SMALL + ROWS + 'gate = "gate.toml"\n', "data.gate", "Put `gate` above the first [section]."),
        (SMALL + ROWS + "[qwertz]\nx = 2\n", "qwertz", "`instill train init`"),
        (SMALL + 'method = "full"\n' + ROWS + "[lora]\nrank = 2\n", "lora.rank", "Remove it"),
        (SMALL + ROWS + "[preference]\nbeta = 0.2\n", "preference.beta", "Remove it"),
        (SMALL + 'objective = "preference"\n' + ROWS + "[lora]\ndropout = 0.1\n", "lora.dropout", "Remove it"),
        (SMALL + ROWS + "replay_share = 0.2\n", "data.replay_share", "replay ="),
        (SMALL + '[data]\nrows = ["b.jsonl"]\n', "data.rows = b.jsonl", "relative"),
        (SMALL + ROWS + 'replay = ["a.jsonl", "no.jsonl"]\n', "data.replay = no.jsonl", "relative"),
        (SMALL + ROWS + 'held_out = ["no.jsonl"]\n', "data.held_out = no.jsonl", "relative"),
        (SMALL + ROWS + 'schema = "no.json"\n', "data.schema = no.json", "relative"),
        (SMALL + 'gate = "no.toml"\n' + ROWS, "gate = no.toml", "relative"),
        ('name = "a"\nbase = "gone"\n' + ROWS, "base = gone", "relative"),
        ('name = "a"\nbase = "a.jsonl"\n' + ROWS, "base = a.jsonl", "relative"),
    ],
)
def test_mistakes_name_the_key_and_what_to_do(tmp_path: Path, text: str, where: str, remedy: str) -> None:
    file = write_recipe(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_recipe(file)
    assert caught.value.where == f"{file}: {where}"
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ROWS, "missing. (FILE: name)"),
        (SMALL + '[data]\nreplay = ["a.jsonl"]\n', "missing. (FILE: data.rows)"),
        (SMALL + "[data]\nrows = []\n", "FILE: data.rows"),
        ('name = "../x"\nbase = "base"\n' + ROWS, "FILE: name"),
        (SMALL + 'method = "lorra"\n' + ROWS, "FILE: method"),
        (SMALL + ROWS + 'replay = ["general.jsonl"]\nreplay_share = 0.95\n', "FILE: data.replay_share"),
        (SMALL + "training = 3\n" + ROWS, "FILE: training"),
        ("name = \n", "not valid TOML"),
    ],
)
def test_values_that_cannot_be_used_are_named(tmp_path: Path, text: str, said: str) -> None:
    file = write_recipe(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_recipe(file)
    assert said.replace("FILE", str(file)) in str(caught.value)


def test_a_recipe_that_is_not_there_is_an_error_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_recipe(tmp_path / "none.toml")


def test_a_schema_that_is_not_json_is_named(tmp_path: Path) -> None:
    recipe = read_recipe(write_recipe(tmp_path, FULL))
    (tmp_path / "reply.schema.json").write_text("{")
    with pytest.raises(UsageError, match=r"data\.schema"):
        recipe.schema_of_replies()


def test_instructions_stand_before_rows_that_have_none(tmp_path: Path) -> None:
    file = write_recipe(tmp_path, SMALL + ROWS + 'replay = ["general.jsonl"]\ninstructions = "Be brief."\n')
    own = turns(("system", "Own."), ("user", "a"), ("assistant", "b"))
    plain = turns(("user", "a"), ("assistant", "b"))
    write_rows([own, plain], tmp_path / "a.jsonl")
    recipe = read_recipe(file)
    assert [row.messages[0]["content"] for row in recipe.study_rows()] == ["Own.", "Be brief."]
    assert recipe.study_rows()[1].messages[1:] == plain.messages
    assert recipe.replay_rows()[0].messages == chat_row(f"Say {CITIES[0]}.", f"{CITIES[0]}!").messages


def test_a_malformed_name_on_a_hub_is_refused() -> None:
    recipe = Recipe(name="a", base="hub:https://x/y", data=Data(rows=["x"]))
    with pytest.raises(UsageError, match="hub:OWNER/NAME"):
        base_folder(recipe)


def test_for_the_micro_model_the_template_says_what_it_learns_with(tmp_path: Path) -> None:
    write_rows([chat_row("a", "b")], tmp_path / "rows.jsonl")
    recipe = read_recipe(write_recipe(tmp_path, template_toml()))
    assert (recipe.base, recipe.method) == ("micro", "full")
    assert (recipe.training.epochs, recipe.training.learning_rate, recipe.training.batch_size) == (10, 2e-3, 16)


def test_the_template_is_a_recipe_with_all_keys_at_their_defaults(tmp_path: Path) -> None:
    text = template_toml(base="smollm2")
    file = write_recipe(tmp_path, text)
    write_rows([chat_row("a", "b")], tmp_path / "rows.jsonl")
    recipe = read_recipe(file)
    assert recipe.effective() == Recipe(name="first", base="smollm2", data=Data(rows=["rows.jsonl"])).effective()
    for key in known_keys():
        section, _, name = key.rpartition(".")
        after = text.partition(f"\n[{section}]\n")[2] if section else text
        assert f"\n[{key}]\n" in text or f"{name} = " in after, key
    uncommented = "\n".join(
        line[2:] if line.startswith("# ") and " = " in line and "replay_share" not in line else line
        for line in text.splitlines()
    )
    kept = uncommented.partition("[distil]")[0] + "[training]" + uncommented.partition("[training]")[2]
    file.write_text(kept, encoding="utf-8")
    assert read_recipe(file).effective() == recipe.effective()


def test_reading_a_recipe_imports_nothing_heavy(tmp_path: Path) -> None:
    file = write_recipe(tmp_path, FULL)
    program = (
        "import sys; from pathlib import Path; from instill.train.generator.recipes.recipe import read_recipe; "
        f"read_recipe(Path({str(file)!r})); print(sorted({{'torch', 'transformers', 'peft'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
