"""Several recipes on one base, one after the other and together, with real training of a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from instill.errors import UsageError
from instill.models.registry.champions import Champions
from instill.models.registry.store import Registry
from instill.train.generator.data.rows import write_rows
from instill.train.pipeline import train_recipe
from instill.train.several_recipes import held_out_scores, train_in_order
from tests.train.pipeline.small_recipes import (
    GAIN,
    TRAINING,
    crafts,
    homes,
    recipe_of,
    write_gate,
)


def test_tasks_in_sequence_and_jointly(task: Path) -> None:
    home, more = task / ".instill", TRAINING.replace("epochs = 12", "epochs = 40").replace("0.02", "0.005")
    recipes = [
        recipe_of(task, name="homes", data='held_out = ["unseen.jsonl"]', more=more),
        recipe_of(task, name="crafts", data='rows = ["crafts.jsonl"]\nheld_out = ["crafts-unseen.jsonl"]', more=more),
    ]
    sequence = train_in_order(home, recipes, "sequential")
    assert sequence.tasks == ("homes", "crafts")
    assert sequence.before == (0.0, 0.0)
    assert sequence.scores == ((1.0, 0.0), (0.0, 1.0))
    assert sequence.retention is not None
    assert sequence.retention.forgetting == 1.0
    first, second = (outcome.card for outcome in sequence.outcomes)
    assert (first.parent, second.parent) == (None, first.id)
    joint = train_in_order(home, recipes, "joint")
    assert joint.retention is None
    assert joint.outcomes[0].card.id.startswith("homes-crafts-")
    assert joint.outcomes[0].card.rows.count == len(homes()) + len(crafts())
    assert joint.scores == ((1.0, 1.0),)
    assert Champions(Registry(home)).lines() == {}


def test_stages_in_sequence_use_the_candidate_that_its_gate_measured(task: Path) -> None:
    home = task / ".instill"
    held_out = 'held_out = ["unseen.jsonl"]'
    measured = train_recipe(home, recipe_of(task, data=held_out, plain=write_gate(task, GAIN)))
    recipes = [
        recipe_of(task, data=held_out, plain=write_gate(task, GAIN)),
        recipe_of(task, name="crafts", data='rows = ["crafts.jsonl"]\nheld_out = ["crafts-unseen.jsonl"]'),
    ]
    first, second = train_in_order(home, recipes, "sequential").outcomes
    assert first.fitted is None
    assert second.fitted is not None
    assert first.card.id == second.card.parent == measured.card.id
    assert first.card.gate is not None


def test_recipes_that_cannot_be_trained_together_are_refused(task: Path) -> None:
    home, held_out = task / ".instill", 'held_out = ["unseen.jsonl"]'
    first = recipe_of(task, data=held_out)
    with pytest.raises(UsageError, match="different bases or methods"):
        train_in_order(home, [first, recipe_of(task, name="b", plain="method = 'lora'\n", data=held_out)], "joint")
    with pytest.raises(UsageError, match="no rows to measure"):
        train_in_order(home, [first, recipe_of(task, name="c")], "sequential")


def test_joint_training_checks_the_rows_of_all_recipes(task: Path) -> None:
    write_rows(crafts(["Name the craft of {}."]), task / "leaked.jsonl")
    recipes = [
        recipe_of(task, data='held_out = ["crafts-unseen.jsonl"]'),
        recipe_of(task, name="crafts", data='rows = ["leaked.jsonl"]\nheld_out = ["unseen.jsonl"]'),
    ]
    with pytest.raises(UsageError, match="that the gate measures on, are trained on"):
        train_in_order(task / ".instill", recipes, "joint")


def test_tool_calls_and_further_answers_are_scored_in_order_too(task: Path) -> None:
    asked = {"role": "user", "content": "Light on in the hall."}
    call = {"function": {"name": "light", "arguments": {"room": "hall"}}}
    rows = [
        {"messages": [asked, {"role": "assistant", "content": None, "tool_calls": [call]}]},
        {"messages": [asked], "answers": ["on"]},
    ]
    (task / "calls.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    recipe = recipe_of(task, data='held_out = ["calls.jsonl"]')
    (score,) = held_out_scores([recipe], None)
    assert 0 <= score <= 1
