"""From a recipe to a candidate in the registry: pre-flight, training, gate, and the champion's place if it passes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from instill.errors import UsageError
from instill.registry.card import Base, Card, Condition, GateResult, Metrics, Rows, candidate_id, environment, now
from instill.registry.champions import Champions
from instill.registry.store import Registry

if TYPE_CHECKING:
    from instill.measure.gate.judge import Interpolated
    from instill.measure.gate.retention import Retention
    from instill.train.generator.recipe import Recipe
    from instill.train.generator.run import Fitted, Prepared
    from instill.train.progress import Progress

Order = Literal["sequential", "joint"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a recipe.

    Args:
        folder: the candidate's, in the registry.
        fitted: None when the same candidate was there already.
        tried: the gate's verdicts; None without a gate.
        promoted: it is the champion of its base now.
    """

    card: Card
    folder: Path
    fitted: Fitted | None
    tried: Interpolated | None
    promoted: bool


@dataclass(frozen=True, slots=True)
class Watch:
    """Receivers of progress: of training, and of stages by name."""

    progress: Callable[[Progress], None] | None = None
    stage: Callable[[str], None] = lambda _: None


def train_recipe(
    home: Path,
    recipe: Recipe,
    *,
    parent: str | None = None,
    rows: Sequence[Any] | None = None,
    promote: bool = True,
    again: bool = False,
    watch: Watch | None = None,
) -> Outcome:
    """Train a candidate, hold it against the recipe's gate, and put it into the registry with its card.

    Args:
        home: the workspace's `.instill`.
        parent: id of a candidate that is trained on.
        rows: instead of the recipe's own.
        promote: make it the champion of its base when the gate lets it pass. Without a gate nothing is promoted.
        again: train also when the very same candidate is there.

    Raises:
        UsageError: the recipe, its files or the gate cannot be used, or pre-flight finds what would waste the run.
        WorkspaceError: the run's folder or the parent is damaged.
    """
    from instill.measure.gate.specification import load_gate
    from instill.train.generator.run import fit, open_recipe

    watch = watch or Watch()
    watch.stage("opening")
    registry = Registry(home)
    start = registry.check(parent) if parent is not None else None
    prepared = open_recipe(recipe, parent=start.folder if start else None, rows=rows)
    if start is not None and start.card.base.hash != prepared.base_hash:
        raise UsageError("The candidate to go on from has another base.", where=start.card.id)
    gate = load_gate(recipe.path(recipe.gate)) if recipe.gate else None
    card = _card(prepared, start.card if start else None)
    if not again and card.id in registry.ids():
        known = registry.check(card.id)
        return Outcome(known.card, known.folder, None, None, Champions(registry).champion(card.base.hash) == card.id)
    watch.stage("training")
    fitted = fit(prepared, home / "runs" / card.id, caches=home / "frozen", progress=watch.progress)
    weights, tried = fitted.folder, None
    if gate is not None:
        watch.stage("measuring")
        tried = _judged(gate, prepared, fitted.folder, home / "gates")
        weights, card = _at_scale(prepared, fitted.folder, card, tried)
    card = registry.add(weights, _measured(card, fitted, tried))
    promoted = promote and tried is not None and tried.passed
    if promoted:
        Champions(registry).promote(card.id)
    return Outcome(card, registry.folder / card.id, fitted, tried, promoted)


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
    outcomes: tuple[Outcome, ...]
    scores: tuple[tuple[float, ...], ...]
    before: tuple[float, ...]
    seconds: float

    @property
    def retention(self) -> Retention | None:
        """What later stages did to earlier tasks; None for joint training."""
        from instill.measure.gate.retention import Retention

        return Retention(self.tasks, self.scores, self.before) if self.order == "sequential" else None


def train_in_order(home: Path, recipes: Sequence[Recipe], order: Order, *, watch: Watch | None = None) -> InOrder:
    """Train several recipes on one base, and measure every task after every stage. Nothing is promoted.

    In sequence each recipe goes on from the weights of the one before. Jointly all rows are mixed, and the first
    recipe says how they are trained.

    Raises:
        UsageError: the recipes have different bases or methods, or one has no held-out rows.
    """
    _check_together(recipes)
    started = time.monotonic()
    outcomes: list[Outcome] = []
    if order == "joint":
        rows = [row for recipe in recipes for row in recipe.study_rows()]
        outcomes.append(train_recipe(home, _together(recipes), rows=rows, promote=False, watch=watch))
    else:
        for recipe in recipes:
            parent = outcomes[-1].card.id if outcomes else None
            outcomes.append(train_recipe(home, _without_gate(recipe), parent=parent, promote=False, watch=watch))
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
    """Mean score of a candidate (None: the base) on each recipe's held-out rows, by the scoring of its gate."""
    from instill.measure.gate.scoring import score
    from instill.measure.gate.specification import load_gate
    from instill.train.generator.base import base_folder
    from instill.train.generator.models import open_model, open_tokenizer
    from instill.train.generator.replies import replies

    base = base_folder(recipes[0])
    model, tokenizer = open_model(base, candidate=candidate), open_tokenizer(base)
    found = []
    for recipe in recipes:
        gate = load_gate(recipe.path(recipe.gate)) if recipe.gate else None
        rows = recipe.held_out_rows()
        said = replies(model, tokenizer, [row.prompt for row in rows], max_tokens=gate.max_tokens if gate else 64)
        scoring = gate.scoring if gate else "exact"
        scores = [score(reply, [row.answer], scoring) for row, reply in zip(rows, said, strict=True)]
        found.append(sum(scores) / len(scores))
    return tuple(found)


def _judged(gate: Any, prepared: Prepared, candidate: Path, kept: Path) -> Interpolated:
    from instill.measure.gate.judge import with_interpolation
    from instill.measure.gate.kept import Kept
    from instill.train.generator.models import open_model

    def open_at(scale: float) -> Any:
        return open_model(prepared.base, candidate=candidate, scale=scale)

    return with_interpolation(
        gate, open_at, open_model(prepared.base), prepared.tokenizer, kept=Kept(kept, prepared.base_hash)
    )


def _at_scale(prepared: Prepared, folder: Path, card: Card, tried: Interpolated) -> tuple[Path, Card]:
    """The weights that the gate chose; those between base and candidate are another candidate, with its own id."""
    from instill.train.generator.models import open_model, save_candidate

    scale = tried.chosen.scale
    if scale == 1:
        return folder, card
    model = open_model(prepared.base, candidate=folder, scale=scale, trainable=True)
    if not hasattr(model, "peft_config"):
        _mark_trained(model, folder)
    scaled = folder.with_name(f"{folder.name}-{scale:g}")
    save_candidate(model, scaled)
    recipe = {**card.recipe, "scale": scale}
    again = candidate_id(
        recipe["name"], base_hash=card.base.hash, rows_hash=card.rows.hash, recipe=recipe, seed=card.seed
    )
    return scaled, card.model_copy(update={"id": again, "recipe": recipe})


def _mark_trained(model: Any, folder: Path) -> None:
    from safetensors import safe_open

    from instill.train.generator.candidates import WEIGHTS

    if not (folder / WEIGHTS).is_file():
        return  # A DoRA adapter that became dense: what differs from the base is marked already.
    with safe_open(folder / WEIGHTS, "pt") as file:
        names = set(file.keys())
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in names)


def _card(prepared: Prepared, parent: Card | None) -> Card:
    recipe = prepared.recipe.effective()
    if parent is not None:
        recipe["parent"] = parent.id
    seed = prepared.recipe.training.seed
    return Card(
        id=candidate_id(
            prepared.recipe.name,
            base_hash=prepared.base_hash,
            rows_hash=prepared.rows_hash,
            recipe=recipe,
            seed=seed,
        ),
        made=now(),
        base=Base(name=prepared.base.name, folder=str(prepared.base), hash=prepared.base_hash),
        rows=Rows(hash=prepared.rows_hash, count=len(prepared.rows) + len(prepared.replay)),
        recipe=recipe,
        seed=seed,
        environment=environment(),
        parent=parent.id if parent else None,
    )


def _measured(card: Card, fitted: Fitted, tried: Interpolated | None) -> Card:
    training = {"loss": fitted.loss, "steps": fitted.steps, "seconds": round(fitted.seconds, 1)}
    if tried is None:
        return card.model_copy(update={"metrics": Metrics(after={"training": training})})
    verdict = tried.chosen.verdict
    measured = verdict.metrics
    metrics = Metrics(before=measured["before"], after={"training": training, **measured["after"]})
    conditions = tuple(Condition.model_validate(each.as_dict()) for each in verdict.conditions)
    reasons = [f"at {each.scale:g} of the change: {reason}" for each in tried.tried for reason in each.verdict.reasons]
    return card.model_copy(
        update={
            "metrics": metrics,
            "gate": GateResult(passed=tried.passed, conditions=conditions),
            "reasons": tuple(reasons),
        }
    )


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
