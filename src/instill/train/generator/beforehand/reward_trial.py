"""What a run with rewards will cost, and whether it can learn anything: from replies that are drawn to a few rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from instill.train.generator.beforehand.estimate import Estimate, estimate
from instill.train.generator.data.examples import Example
from instill.train.generator.data.findings import Finding
from instill.train.generator.data.rows import Row
from instill.train.generator.methods.grpo import Drawing
from instill.train.generator.recipes.recipe import Recipe
from instill.train.generator.rewarding.rewards import rewards_of
from instill.train.randomness import seed_all

ROWS = 8
"""Rows that replies are drawn to, spread over all."""

_REFERENCE = 4 / 3
"""The replies are read once more for the reference; reading back costs as much as reading twice."""


@dataclass(frozen=True, slots=True)
class RewardTrial:
    """What came of it.

    Args:
        mean: what the replies earned, 0 to 1.
        flat: share of the rows whose replies all earned the same; nothing is learnt from these.
    """

    mean: float
    flat: float
    estimate: Estimate
    findings: tuple[Finding, ...]


def try_rewards(
    recipe: Recipe, model: Any, tokenizer: Any, rows: Sequence[Row], examples: Sequence[Example]
) -> RewardTrial:
    """Draw a group of replies to a few rows, and measure a step on the rows' own replies; no weight changes.

    Args:
        model: prepared for the recipe's method.
        examples: of the rows.
    """
    group, chosen = recipe.reward.group, recipe.training
    numbers = sorted({len(rows) * place // ROWS for place in range(ROWS)})
    drawing = Drawing(tokenizer, rows, rewards_of(recipe, tokenizer), recipe.reward)
    state = torch.random.get_rng_state()
    seed_all(chosen.seed)
    started = time.perf_counter()
    drawn = drawing.draw(model, [number for number in numbers for _ in range(group)])
    seconds = (time.perf_counter() - started) / len(numbers)
    torch.random.set_rng_state(state)
    earned = [[each.earned.total for each in drawn[at : at + group]] for at in range(0, len(drawn), group)]
    mean = sum(map(sum, earned)) / len(drawn)
    flat = sum(max(each) - min(each) < 1e-6 for each in earned) / len(earned)

    replies = chosen.model_copy(update={"batch_size": chosen.batch_size * group})
    repeated = [replace(each, number=number) for number, each in enumerate(examples) for _ in range(group)]
    found = estimate(model, lambda _: repeated, replies, last_layers=recipe.last_layers)
    if found.step_seconds is not None and found.seconds is not None:
        step = found.step_seconds * _REFERENCE + seconds * chosen.batch_size
        found = replace(found, step_seconds=step, seconds=found.steps * step)
    return RewardTrial(mean, flat, found, _findings(mean, flat, len(drawn)))


def _findings(mean: float, flat: float, replies: int) -> tuple[Finding, ...]:
    said = f"Of {replies} replies that were drawn, the mean reward is {mean:.2f}"
    if flat == 1 and mean > 1 - 1e-6:
        return (
            Finding(
                "reward-full",
                "warning",
                f"{said}: the model can do these rows already, so nothing is learnt from them.",
                "Take harder rows, or raise the temperature.",
            ),
        )
    if flat == 1:
        return (
            Finding(
                "reward-flat",
                "warning",
                f"{said}, and all replies to one row earn the same, from which nothing is learnt.",
                "Teach examples first (objective = next_token, then --from), raise the temperature, or reward parts.",
            ),
        )
    return (
        Finding(
            "reward-before",
            "notice",
            f"{said}; to {1 - flat:.0%} of the rows, replies earn different rewards, from which the model learns.",
            "More of them: a larger group, or a higher temperature.",
        ),
    )
