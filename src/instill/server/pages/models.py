"""Candidates with their cards and gates, which of them is in use, and training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from instill.common.toml_files import read_toml
from instill.models.generators.gguf.known import KNOWN, place_of
from instill.models.registry.card import Card
from instill.models.registry.champions import Champions
from instill.models.registry.store import Registry
from instill.server.api.models import show_model
from instill.server.jobs.job_kinds import recipes
from instill.server.pages.job_lists import jobs_of
from instill.server.pages.rendering import page
from instill.server.service import Reading, Seen
from instill.settings import GeneratorSettings
from instill.train.gate.advice import WORDS
from instill.workspace.replies import candidates_of, studies_of

router = APIRouter(prefix="/models")


@router.get("", response_class=HTMLResponse)
def overview(seen: Reading, recipe: str = Query("", max_length=200)) -> HTMLResponse:
    """All candidates that the caller may see, newest first; `recipe`: the one that is chosen to be trained."""
    registry = Registry(seen.workspace.home)
    owner = seen.who.may("admin")
    found = candidates_of(registry, seen.caller).candidates
    return page(
        seen, "models.html", "/models", candidates=list(reversed(found)),
        recipes=_recipes(seen.service.folder) if owner else [], recipe=recipe, lines=_lines(registry) if owner else [],
        studies=list(reversed(studies_of(seen.workspace.home, seen.caller).studies)) if owner else [],
        bases=bases_of(seen.workspace.given.generator), jobs=jobs_of(seen, "train"), unused=unused(seen),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class InUse:
    """A base of which a candidate is in use.

    Args:
        before: what is in use again after rolling back; "": the base as it is.
    """

    base_hash: str
    base: str
    champion: str
    before: str


def _lines(registry: Registry) -> list[InUse]:
    return [
        InUse(base, line.base, line.champion, line.line[-2] if len(line.line) > 1 else "")
        for base, line in Champions(registry).lines().items()
        if line.champion
    ]


def _recipes(folder: Path) -> list[tuple[str, str]]:
    """Recipes, and the base of each: a model's folder by its name alone."""
    return [(name, PurePath(str(read_toml(folder / name, "recipe").get("base", ""))).name) for name in recipes(folder)]


def bases_of(chosen: GeneratorSettings) -> list[tuple[str, str]]:
    """What may be trained here, and how a person calls it; what is set comes first."""
    own = [("generator", "the model of this workspace")] if chosen.folder or chosen.gguf else []
    known = [("smollm2", "SmolLM2")] if place_of(KNOWN["smollm2"]) is not None else []
    return [*own, *known, ("micro", "a tiny model, only to try this out")]


@router.get("/{candidate}", response_class=HTMLResponse)
def one(seen: Reading, candidate: str) -> HTMLResponse:
    """A candidate's card."""
    shown = show_model(seen, candidate)
    card = Card.model_validate(shown.card)
    return page(seen, "model.html", "/models", card=card, champion=shown.champion, problem=shown.problem,
                words=WORDS, measured=_measured(card), recipe=_recipe(card), unused=unused(seen))  # fmt: skip


def unused(seen: Seen) -> str:
    """Why no answer uses weights that were promoted, and what makes answers use them; "" where the workspace has a
    model that they may belong to."""
    chosen = seen.workspace.given.generator
    if chosen.folder or chosen.gguf:
        return ""
    own = "asks a model that is not Instill's to adapt" if chosen.is_set else "quotes its documents and asks no model"
    then = (
        "They are used once generator.folder or generator.gguf in instill.toml names the model that they were made for."
    )
    return f"No answer uses promoted weights yet: this workspace {own}. {then}"


def _recipe(card: Card) -> list[tuple[str, str]]:
    """What the recipe says, without what it leaves empty. The base by its name: where it lies is the server's."""
    values = {**card.recipe, "base": card.base.name, "seed": card.seed, "parent": card.parent}
    return [(name, written) for name, value in _flat(values).items() if (written := _written(value))]


def _measured(card: Card) -> list[tuple[str, str, str]]:
    """What was measured on the base and on the candidate, by name; what is itself made of parts by its parts."""
    before, after = _flat(card.metrics.before), _flat(card.metrics.after)
    return [(name, _written(before.get(name)), _written(after.get(name))) for name in {**before, **after}]


def _flat(values: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{name}{key} ")
        else:
            found[f"{name}{key}"] = value
    return found


def _written(value: Any) -> str:
    """A value for people: numbers with four digits, lists with commas; "" for what is empty and what is no plain value.

    Example:
        >>> _written(1.087731), _written(64), _written(["a.jsonl", "b.jsonl"]), _written(True), _written(None)
        ('1.088', '64', 'a.jsonl, b.jsonl', 'yes', '')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(filter(None, map(_written, value)))
    return str(value) if isinstance(value, (int, str)) else ""
