"""From a recipe to a candidate in the registry: pre-flight, training, gate, and the champion's place if it passes."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from instill.common.derived import BESIDE, MadeFrom, keep_beside, together
from instill.common.watch import Watch
from instill.errors import UsageError, WorkspaceError
from instill.registry.card import Base, Card, Condition, GateResult, Metrics, Rows, candidate_id, environment, now
from instill.registry.champions import Champions
from instill.registry.store import Candidate, Registry
from instill.settings.location import plugins_off
from instill.train.gate.advice import scale_text
from instill.train.gate.shown import keep as keep_replies

if TYPE_CHECKING:
    from instill.train.gate.judge import Interpolated
    from instill.train.gate.specification import Gate
    from instill.train.generator.data.findings import Finding
    from instill.train.generator.data.rows import Row
    from instill.train.generator.recipes.recipe import Recipe
    from instill.train.generator.run import Fitted, Prepared

_WORK = ("checkpoint.safetensors", "checkpoint.draft", "trl", "candidate", "identity", BESIDE)
"""What a finished run no longer needs; its log stays."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What became of a recipe.

    Args:
        folder: the candidate's, in the registry.
        fitted: None when the same candidate was there already.
        tried: the gate's verdicts; None without a gate, and when they were there already.
        promoted: it is the champion of its base now.
    """

    card: Card
    folder: Path
    fitted: Fitted | None
    tried: Interpolated | None
    promoted: bool


def train_recipe(
    home: Path,
    recipe: Recipe,
    *,
    parent: str | None = None,
    rows: Sequence[Row] | None = None,
    promote: bool = True,
    again: bool = False,
    watch: Watch | None = None,
) -> TrainingResult:
    """Train a candidate, hold it against the recipe's gate, and put it into the registry with its card.

    A candidate that is there already is not trained again. It is measured again when the gate's file or one that it
    names has changed. In each of several processes the same is called; only the first touches gate and registry.

    Args:
        home: the workspace's `.instill`.
        parent: id of a candidate that is trained on.
        rows: instead of the recipe's own.
        promote: make it the champion of its base when the gate lets it pass. Without a gate nothing is promoted.
        again: train also when the very same candidate is there.

    Raises:
        UsageError: the recipe, its files or the gate cannot be used, or pre-flight finds what would waste the run.
        WorkspaceError: the run's folder or the parent is damaged, or another process trains the same.
    """
    from instill.train.generator.beforehand.few_steps import few_steps
    from instill.train.generator.loop import processes
    from instill.train.generator.run import fit, open_recipe

    watch = watch or Watch()
    watch.stage("opening")
    processes.wait()  # The parent may be what the first process is just putting into the registry.
    registry = Registry(home)
    start = registry.check(parent) if parent is not None else None
    prepared = open_recipe(recipe, parent=start.folder if start else None, rows=rows)
    if start is not None:
        _check_parent(start.card, prepared)
    gate = _opened_gate(prepared, plugins_off(home.parent))
    prepared = replace(prepared, measured_on=gate.rows if gate else ())
    card = _card(prepared, start.card if start else None)
    known = None if again else _known(registry, card)
    if known is not None and known.card.made_from != card.made_from:
        known = replace(known, card=registry.update(known.card.id, documents=_all_of(known.card, card)))
    if known is not None and (gate is None or _gate_hash(known.card) == gate.hash):
        champion = Champions(registry).champion(known.card.base.hash)
        return TrainingResult(known.card, known.folder, None, None, champion == known.card.id)
    run = home / "runs" / card.id
    with _held(run):
        if processes.is_first():
            keep_beside(run, card.made_from)
        fitted: Fitted | None = None
        if known is not None and known.card.id == card.id:
            # The same but for the gate, which it is now measured by.
            card, weights = known.card.model_copy(update={"recipe": card.recipe}), known.folder
        else:
            for each in (*few_steps(prepared.recipe, len(prepared.rows), prepared.base), *_cannot_pass(prepared)):
                watch.warning(each)
            watch.stage("training")
            fitted = fit(
                prepared,
                run,
                caches=home / "frozen",
                progress=lambda step: watch.progress(step.step, step.steps, f"loss {step.loss:.3f}"),
            )
            card = _trained(card, fitted)
            weights = fitted.folder
        if not processes.is_first():
            return TrainingResult(card, registry.folder / card.id, fitted, None, False)
        tried = None
        if gate is not None:
            watch.stage("measuring")
            tried = _judged(gate.gate, prepared, weights, home / "gates")
            weights, card = _at_scale(prepared, weights, run, _measured(card, tried, gate.hash), tried)
            keep_replies(home, card.id, tried.chosen.replies)
        card = registry.add(weights, card)
        _tidy(run)
    promoted = promote and tried is not None and tried.passed
    if promoted:
        Champions(registry).promote(card.id)
    return TrainingResult(card, registry.folder / card.id, fitted, tried, promoted)


def _all_of(known: Card, card: Card) -> MadeFrom:
    """The same rows, made from other documents or from the same ones under other labels: all of them count. What
    nobody wrote down is known now."""
    return card.made_from | known.made_from if known.made_from.known else card.made_from


@dataclass(frozen=True, slots=True)
class _OpenedGate:
    gate: Gate
    rows: tuple[Row, ...]
    hash: str


def gate_rows(recipe: Recipe, tokenizer: Any, *, off: Sequence[str] = ()) -> list[Row]:
    """The rows that a recipe's gate measures on, none without a gate; all that the gate names is checked.

    Args:
        off: plug-ins that are turned off, as in `plugins.off`.

    Raises:
        UsageError: something of it cannot be used.
    """
    from instill.train.gate.judge import rows_of
    from instill.train.gate.specification import load_gate

    if not recipe.gate:
        return []
    return rows_of(load_gate(recipe.path(recipe.gate), off=off), tokenizer, recipe.data.instructions)


def gate_findings(recipe: Recipe, tokenizer: Any) -> list[Finding]:
    """What is to be said of a recipe's gate before it is trained: sections that have too few rows to pass.

    Raises:
        UsageError: something of it cannot be used.
    """
    from instill.train.gate.judge import too_few
    from instill.train.gate.specification import load_gate

    return too_few(load_gate(recipe.path(recipe.gate)), tokenizer, recipe.data.instructions) if recipe.gate else []


def _cannot_pass(prepared: Prepared) -> list[Finding]:
    return gate_findings(prepared.recipe, prepared.tokenizer)


def _opened_gate(prepared: Prepared, off: Sequence[str]) -> _OpenedGate | None:
    from instill.measure import judging
    from instill.train.gate.specification import RULES, load_gate

    recipe = prepared.recipe
    if not recipe.gate:
        return None
    rows = tuple(gate_rows(recipe, prepared.tokenizer, off=off))
    gate = load_gate(recipe.path(recipe.gate), off=off)
    files = [recipe.path(recipe.gate), *gate.files(), *([gate.format.schema_file] if gate.format else [])]
    # A gate that has other rules than before measures again.
    rules = f"{RULES} {judging.VERSION} {gate.metrics()}".rstrip().encode()
    digest = hashlib.sha256(rules + b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files))
    return _OpenedGate(gate, rows, digest.hexdigest()[:16])


def _gate_hash(card: Card) -> str:
    """Of the gate that it was measured by; kept on the card beside the gate's result."""
    return str((card.gate.model_extra or {}).get("hash", "")) if card.gate else ""


def _known(registry: Registry, card: Card) -> Candidate | None:
    """The candidate that the same recipe made before, as a whole or at a scale; not where it is damaged."""
    from instill.train.gate.judge import SCALES

    present = set(registry.ids())
    for id_ in (card.id, *(_scaled(card, scale).id for scale in SCALES)):
        if id_ in present:
            try:
                return registry.check(id_)
            except WorkspaceError:
                continue  # It is made anew, and takes the damaged one's place.
    return None


def _check_parent(parent: Card, prepared: Prepared) -> None:
    """Weights are kept as their difference from the base, so what goes on must train what its parent did."""
    if parent.base.hash != prepared.base_hash:
        raise UsageError("The candidate to go on from has another base.", where=parent.id)
    own = prepared.recipe.effective()
    keys = ("method", "last_layers", "modules", "lora")
    differing = [key for key in keys if parent.recipe.get(key) != own.get(key)]
    if not differing and own["method"] == "dora" and "scale" in parent.recipe:
        differing = ["scale"]
    if differing:
        raise UsageError(
            f"The candidate to go on from was trained in another way: {', '.join(differing)} differ.",
            where=parent.id,
            remedy="Train on with the same method, last_layers, modules and [lora].",
        )


@contextmanager
def _held(run: Path) -> Iterator[None]:
    from instill.train.generator.loop import processes

    run.mkdir(parents=True, exist_ok=True)
    lock = FileLock(run / "lock")
    try:
        if processes.is_first():
            lock.acquire(timeout=0)
        yield
    except Timeout as error:
        raise WorkspaceError(
            "Another process is training this recipe.", where=str(run), remedy="Wait for it, or stop it."
        ) from error
    finally:
        lock.release()


def _tidy(run: Path) -> None:
    for place in (*(run / name for name in _WORK), *run.glob("candidate-*")):
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)


def _judged(gate: Gate, prepared: Prepared, candidate: Path, kept: Path) -> Interpolated:
    from instill.generators.models import open_model
    from instill.train.gate.judge import with_interpolation
    from instill.train.gate.kept import Kept

    def open_at(scale: float) -> Any:
        return open_model(prepared.base, candidate=candidate, scale=scale)

    return with_interpolation(
        gate,
        open_at,
        open_model(prepared.base),
        prepared.tokenizer,
        kept=Kept(kept, prepared.base_hash),
        instructions=prepared.recipe.data.instructions,
    )


def _at_scale(prepared: Prepared, weights: Path, run: Path, card: Card, tried: Interpolated) -> tuple[Path, Card]:
    """The weights that the gate chose; those between base and candidate are another candidate, with its own id."""
    import torch

    from instill.generators.models import open_model
    from instill.train.generator.export.saving import save_candidate

    scale = tried.chosen.scale
    if scale == 1:
        return weights, card
    model = open_model(prepared.base, candidate=weights, scale=scale, trainable=True, dtype=torch.float32)
    if not hasattr(model, "peft_config"):
        _mark_trained(model, weights)
    folder = run / f"candidate-{scale:g}"
    save_candidate(model, folder)
    return folder, _scaled(card, scale)


def _mark_trained(model: Any, folder: Path) -> None:
    from safetensors import safe_open

    from instill.generators.candidates import WEIGHTS

    if not (folder / WEIGHTS).is_file():
        return  # A DoRA adapter that became dense: what differs from the base is marked already.
    with safe_open(folder / WEIGHTS, "pt") as file:
        names = set(file.keys())
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in names)


def _scaled(card: Card, scale: float) -> Card:
    recipe = {**card.recipe, "scale": scale}
    id_ = candidate_id(
        str(recipe["name"]), base_hash=card.base.hash, rows_hash=card.rows.hash, recipe=recipe, seed=card.seed
    )
    return card.model_copy(update={"id": id_, "recipe": recipe})


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
        base=Base(name=prepared.base.name, folder=str(prepared.base.resolve()), hash=prepared.base_hash),
        rows=Rows(hash=prepared.rows_hash, count=len(prepared.rows) + len(prepared.replay)),
        recipe=recipe,
        seed=seed,
        environment=environment(),
        parent=parent.id if parent else None,
        documents=_made_from(prepared, parent).as_json(),
    )


def _made_from(prepared: Prepared, parent: Card | None) -> MadeFrom:
    """All that had a say in the weights: the rows, the gate's, which chose their scale, and what the parent was
    trained on."""
    rows = (*prepared.rows, *prepared.replay, *prepared.measured_on)
    own = together(row.made_from for row in rows)
    return own if parent is None else own | parent.made_from


def _trained(card: Card, fitted: Fitted) -> Card:
    training = {"loss": fitted.loss, "steps": fitted.steps, "seconds": round(fitted.seconds, 1)}
    return card.model_copy(update={"metrics": Metrics(after={"training": training})})


def _measured(card: Card, tried: Interpolated, gate_hash: str) -> Card:
    verdict = tried.chosen.verdict
    measured = verdict.metrics
    training = card.metrics.after.get("training", {})
    metrics = Metrics(before=measured["before"], after={"training": training, **measured["after"]})
    conditions = [Condition.model_validate(each.as_dict()) for each in verdict.conditions]
    several = len(tried.tried) > 1
    reasons = [
        f"With {scale_text(each.scale)}: {reason}" if several else reason
        for each in tried.tried
        for reason in each.verdict.reasons
    ]
    gate = GateResult.model_validate({"passed": tried.passed, "conditions": conditions, "hash": gate_hash})
    return card.model_copy(update={"metrics": metrics, "gate": gate, "reasons": tuple(reasons)})
