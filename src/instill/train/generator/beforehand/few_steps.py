"""Does a run have enough steps to learn anything, and a rate that does not destroy the model? Steps decide, not epochs:
few rows make few steps."""

from __future__ import annotations

import math
from pathlib import Path

from instill.train.generator.data.findings import Finding
from instill.train.generator.recipes.defaults import learning_rate, width_of
from instill.train.generator.recipes.recipe import Recipe

FEWEST = 50
"""Steps in which an adapter of SmolLM2 (135 million weights) learnt a format from 80 rows; see also `defaults`."""

_LOW, _UNHURRIED = 0.5, 200
"""A rate below this share of the usual one is low for fewer steps than that."""

_HIGH = 5.0
"""A rate so many times the usual one is a mistake more often than not."""

_SMALL_BATCH = 8
_REAL_BYTES = 50_000_000
"""Weights of a model that is larger than those of laboratories, which learn in a few steps."""


def few_steps(recipe: Recipe, rows: int, base: Path) -> list[Finding]:
    """A warning where the recipe has too few steps for an adapter of a real model, or a rate too low for so few.

    Args:
        rows: to be learnt.
        base: the model's folder.

    Example:
        >>> from instill.train.generator.recipes.recipe import Data
        >>> recipe = Recipe(name="a", base="micro", data=Data(rows=["rows.jsonl"]))
        >>> few_steps(recipe, 80, Path("missing"))
        []
    """
    chosen = recipe.training
    if not rows or _weight_bytes(base) < _REAL_BYTES:
        return []
    high = _too_high(recipe, base)
    if recipe.method == "full" or high:
        return high
    steps = chosen.steps or math.ceil(rows / chosen.batch_size) * chosen.epochs
    usual = learning_rate(recipe.method, width_of(base), recipe.objective)
    slow = chosen.learning_rate < _LOW * usual and steps < _UNHURRIED
    if steps >= FEWEST and not slow:
        return []
    changes = []
    if steps < FEWEST:
        batch = min(chosen.batch_size, _SMALL_BATCH)
        if chosen.steps:
            changes.append(f"steps = {FEWEST}")
        else:
            changes.append(f"epochs = {math.ceil(FEWEST / math.ceil(rows / batch))}")
            changes += [f"batch_size = {batch}"] if batch != chosen.batch_size else []
    if slow:
        changes.append(f"learning_rate = {usual:g}")
    return [
        Finding(
            "few-steps",
            "warning",
            f"The run has {steps} step{'s' * (steps != 1)} at a rate of {chosen.learning_rate:g}, in which an adapter "
            "learns little.",
            f"Set below [training]: {', '.join(changes)}.",
        )
    ]


def _too_high(recipe: Recipe, base: Path) -> list[Finding]:
    """The rate of a laboratory's model, for example, left in the recipe when the base was changed."""
    usual = learning_rate(recipe.method, width_of(base), recipe.objective)
    if recipe.training.learning_rate < _HIGH * usual:
        return []
    return [
        Finding(
            "high-rate",
            "warning",
            f"The rate of {recipe.training.learning_rate:g} is {recipe.training.learning_rate / usual:.0f} times the "
            f"usual one for this model and method = {recipe.method!r} ({usual:g}); the model may lose what it can do.",
            f"Leave learning_rate out, or set below [training]: learning_rate = {usual:g}.",
        )
    ]


def _weight_bytes(base: Path) -> int:
    return sum(file.stat().st_size for file in base.glob("*.safetensors"))
