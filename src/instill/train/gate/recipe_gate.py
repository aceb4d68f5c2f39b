"""The gate of a recipe: opened with its rows before the training, asked after it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instill.common.progress_watch import Told, nobody
from instill.measure import judging
from instill.models.generators.transformers_models import open_model
from instill.models.registry.card import Card
from instill.train.candidate_card import at_scale
from instill.train.gate.base_measurements import Kept
from instill.train.gate.run import Interpolated, rows_of, too_few, with_interpolation
from instill.train.gate.specification import RULES, Gate, load_gate

if TYPE_CHECKING:
    from instill.train.generator.data.findings import Finding
    from instill.train.generator.data.rows import Row
    from instill.train.generator.recipes.recipe import Recipe
    from instill.train.generator.run import Prepared


@dataclass(frozen=True, slots=True)
class OpenedGate:
    """A recipe's gate with the rows that it measures on; `hash` names its file, all that it names, and the rules."""

    gate: Gate
    rows: tuple[Row, ...]
    hash: str


def opened_gate(prepared: Prepared, off: Sequence[str]) -> OpenedGate | None:
    """The gate of a recipe; None without one.

    Raises:
        UsageError: something of it cannot be used.
    """
    recipe = prepared.recipe
    if not recipe.gate:
        return None
    rows = tuple(gate_rows(recipe, prepared.tokenizer, off=off))
    gate = load_gate(recipe.path(recipe.gate), off=off)
    files = [recipe.path(recipe.gate), *gate.files(), *gate.other_files()]
    # A gate that has other rules than before measures again.
    rules = f"{RULES} {judging.VERSION} {gate.metrics()}".rstrip().encode()
    digest = hashlib.sha256(rules + b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files))
    return OpenedGate(gate, rows, digest.hexdigest()[:16])


def gate_rows(recipe: Recipe, tokenizer: Any, *, off: Sequence[str] = ()) -> list[Row]:
    """The rows that a recipe's gate measures on, none without a gate; all that the gate names is checked.

    Args:
        off: plug-ins that are turned off, as in `plugins.off`.

    Raises:
        UsageError: something of it cannot be used.
    """
    if not recipe.gate:
        return []
    return rows_of(load_gate(recipe.path(recipe.gate), off=off), tokenizer, recipe.data.instructions)


def gate_findings(recipe: Recipe, tokenizer: Any) -> list[Finding]:
    """What is to be said of a recipe's gate before it is trained: sections that have too few rows to pass.

    Raises:
        UsageError: something of it cannot be used.
    """
    return too_few(load_gate(recipe.path(recipe.gate)), tokenizer, recipe.data.instructions) if recipe.gate else []


def judged(gate: Gate, prepared: Prepared, candidate: Path, kept: Path, *, told: Told = nobody) -> Interpolated:
    """What the gate says of trained weights; where they only forgot too much, of parts of the change too.

    Args:
        kept: folder where what was measured on bases is kept.
        told: how many replies are written.
    """

    def open_at(scale: float) -> Any:
        return open_model(prepared.base, candidate=candidate, scale=scale)

    return with_interpolation(
        gate,
        open_at,
        open_model(prepared.base),
        prepared.tokenizer,
        kept=Kept(kept, prepared.base_hash),
        instructions=prepared.recipe.data.instructions,
        told=told,
    )


def chosen_weights(prepared: Prepared, weights: Path, run: Path, card: Card, tried: Interpolated) -> tuple[Path, Card]:
    """The weights that the gate chose; those between base and candidate are another candidate, with its own id."""
    import torch

    from instill.train.generator.export.saving import save_candidate

    scale = tried.chosen.scale
    if scale == 1:
        return weights, card
    model = open_model(prepared.base, candidate=weights, scale=scale, trainable=True, dtype=torch.float32)
    if not hasattr(model, "peft_config"):
        _mark_trained(model, weights)
    folder = run / f"candidate-{scale:g}"
    save_candidate(model, folder)
    return folder, at_scale(card, scale)


def _mark_trained(model: Any, folder: Path) -> None:
    from safetensors import safe_open

    from instill.models.generators.candidate_weights import WEIGHTS

    if not (folder / WEIGHTS).is_file():
        return  # A DoRA adapter that became dense: what differs from the base is marked already.
    with safe_open(folder / WEIGHTS, "pt") as file:
        names = set(file.keys())
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in names)
