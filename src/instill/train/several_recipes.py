"""Several recipes on one base: one after the other or together, and what each stage did to every task."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from instill.common.progress_watch import Watch
from instill.errors import UsageError
from instill.train.pipeline import TrainingResult, train_recipe

if TYPE_CHECKING:
    from instill.train.gate.retention import Retention
    from instill.train.generator.recipes.recipe import Recipe

Order = Literal["sequential", "joint"]


@dataclass(frozen=True, slots=True)
class InOrder:
    """Several recipes, trained one after the other or together.

    Args:
        tasks: the recipes' names.
        scores: of each stage, on each recipe's held-out rows; joint training has one stage.
        before: the base's scores.
    """

    order: Order
    tasks: tuple[str, ...]
    outcomes: tuple[TrainingResult, ...]
    scores: tuple[tuple[float, ...], ...]
    before: tuple[float, ...]
    seconds: float

    @property
    def retention(self) -> Retention | None:
        """What later stages did to earlier tasks; None for joint training."""
        from instill.train.gate.retention import Retention

        return Retention(self.tasks, self.scores, self.before) if self.order == "sequential" else None


def train_in_order(home: Path, recipes: Sequence[Recipe], order: Order, *, watch: Watch | None = None) -> InOrder:
    """Train several recipes on one base, and measure every task after every stage. Nothing is promoted.

    In sequence each recipe goes on from the weights of the one before. Jointly all rows are mixed, and the first
    recipe says how they are trained.

    Raises:
        UsageError: the recipes have different bases or methods, or one has no held-out rows.
    """
    from instill.train.generator.loop import processes

    _check_together(recipes)
    started = time.monotonic()
    outcomes: list[TrainingResult] = []
    if order == "joint":
        rows = [row for recipe in recipes for row in recipe.study_rows()]
        outcomes.append(train_recipe(home, _together(recipes), rows=rows, promote=False, watch=watch))
    else:
        for recipe in recipes:
            parent = outcomes[-1].card.id if outcomes else None
            outcomes.append(train_recipe(home, _without_gate(recipe), parent=parent, promote=False, watch=watch))
    processes.wait()
    (watch or Watch()).stage("measuring")
    return InOrder(
        order,
        tuple(recipe.name for recipe in recipes),
        tuple(outcomes),
        tuple(held_out_scores(recipes, outcome.folder) for outcome in outcomes),
        held_out_scores(recipes, None),
        time.monotonic() - started,
    )


def held_out_scores(recipes: Sequence[Recipe], candidate: Path | None) -> tuple[float, ...]:
    """Mean score of a candidate (None: the base) on each recipe's held-out rows, by the scoring of its gate.

    Raises:
        UsageError: a held-out row cannot be scored.
    """
    from instill.models.generators.transformers_models import open_model, open_tokenizer
    from instill.train.gate.probes import Probe
    from instill.train.gate.rows import as_gate_rows
    from instill.train.gate.scores_of_rows import scores
    from instill.train.gate.specification import load_gate
    from instill.train.generator.recipes.base import base_folder

    base = base_folder(recipes[0])
    model, tokenizer = open_model(base, candidate=candidate), open_tokenizer(base)
    found = []
    for recipe in recipes:
        gate = load_gate(recipe.path(recipe.gate)) if recipe.gate else None
        rows = as_gate_rows(recipe.held_out_rows(), tokenizer, recipe.path(recipe.data.held_out[0]))
        rows.check_scored(gate.scoring if gate else "exact", "data.held_out")
        probe = Probe(model, tokenizer, max_tokens=gate.max_tokens if gate else 64)
        each = scores(probe, rows.asking, gate.scoring if gate else "exact")
        found.append(sum(each) / len(each))
    return tuple(found)


def _check_together(recipes: Sequence[Recipe]) -> None:
    first = recipes[0]
    for recipe in recipes:
        if (recipe.base, recipe.as_method()) != (first.base, first.as_method()):
            raise UsageError(
                "The recipes have different bases or methods.",
                where=f"{first.name}, {recipe.name}",
                remedy="Recipes that are trained on one another need the same base, method, last_layers and modules.",
            )
        if not recipe.data.held_out:
            raise UsageError(
                "The recipe has no rows to measure the task with.",
                where=recipe.name,
                remedy='Name some in [data]: held_out = ["held_out.jsonl"].',
            )


def _together(recipes: Sequence[Recipe]) -> Recipe:
    return _without_gate(recipes[0], name="-".join(recipe.name for recipe in recipes)[:60])


def _without_gate(recipe: Recipe, *, name: str = "") -> Recipe:
    """A gate compares with the base; here stages are compared with one another."""
    return recipe.model_copy(update={"gate": "", "name": name or recipe.name})
