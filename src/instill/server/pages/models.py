"""Candidates with their cards and gates, which of them is in use, and training."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from instill.models.registry.store import Registry
from instill.server.api.models import show_model
from instill.server.jobs.job_kinds import recipes
from instill.server.pages.compare import jobs_of
from instill.server.pages.rendering import page
from instill.server.service import Reading
from instill.settings import GeneratorSettings
from instill.workspace.replies import candidates_of, studies_of

router = APIRouter(prefix="/models")


@router.get("", response_class=HTMLResponse)
def overview(seen: Reading) -> HTMLResponse:
    """All candidates that the caller may see, newest first."""
    registry = Registry(seen.workspace.home)
    owner = seen.who.may("admin")
    found = candidates_of(registry, seen.caller).candidates
    return page(
        seen, "models.html", "/models", candidates=list(reversed(found)),
        recipes=recipes(seen.service.folder) if owner else [],
        studies=list(reversed(studies_of(seen.workspace.home, seen.caller).studies)) if owner else [],
        bases=_bases(seen.workspace.given.generator), jobs=jobs_of(seen, "train"),
    )  # fmt: skip


def _bases(chosen: GeneratorSettings) -> list[tuple[str, str]]:
    """What a new recipe may train, and how a person calls it; what is set comes first."""
    own = [("generator", "the model of this workspace")] if chosen.folder or chosen.gguf else []
    return [*own, ("smollm2", "SmolLM2 (after: instill generator get)"), ("micro", "the laboratory's, to try it out")]


@router.get("/{candidate}", response_class=HTMLResponse)
def one(seen: Reading, candidate: str) -> HTMLResponse:
    """A candidate's card."""
    shown = show_model(seen, candidate)
    gate: dict[str, Any] = shown.card.get("gate") or {}
    return page(seen, "model.html", "/models", card=shown.card, champion=shown.champion, problem=shown.problem,
                gate=gate, measured=_measured(shown.card))  # fmt: skip


def _measured(card: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """What was measured on the base and on the candidate, by name; what is itself made of parts by its parts."""
    metrics = card.get("metrics") or {}
    before, after = _flat(metrics.get("before") or {}), _flat(metrics.get("after") or {})
    return [(name, before.get(name, ""), after.get(name, "")) for name in {**before, **after}]


def _flat(values: dict[str, Any], name: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{name}{key} ")
        elif isinstance(value, (int, float, str, bool)):
            found[f"{name}{key}"] = value
    return found
