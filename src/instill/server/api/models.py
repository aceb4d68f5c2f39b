"""Recipes, candidates, and which of them is in use."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from instill.errors import UsageError, WorkspaceError
from instill.models.registry.champions import Champions, Change
from instill.models.registry.store import Candidate, Registry
from instill.server.errors import unknown
from instill.server.jobs.job_kinds import recipes
from instill.server.service import Owning, Reading, Seen
from instill.workspace.replies import Candidates, candidates_of

router = APIRouter(prefix="/api", tags=["models"])


class Recipes(BaseModel):
    """Recipes in the workspace's folder and in its folder `recipes`."""

    recipes: Sequence[str]


class RecipeWritten(Recipes):
    """The same, and the one that was `written`."""

    written: str


class NewRecipe(BaseModel):
    """A recipe to write: the training rows of a study set, and the model that learns them."""

    model_config = ConfigDict(extra="forbid")

    study: str = Field(pattern=r"^[0-9a-z-]{1,64}$")
    base: Literal["generator", "smollm2", "micro"] = Field(
        "generator", description="The workspace's own generator, one that `generator get` fetched, or the laboratory's."
    )


class CandidateShown(BaseModel):
    """A candidate's card, whether it is in use, and what is wrong with its files ("" when nothing is)."""

    card: dict[str, Any]
    champion: bool
    problem: str


class Promotion(BaseModel):
    """`force`: also one that the gate rejected or did not see."""

    model_config = ConfigDict(extra="forbid")

    force: bool = False


class Rollback(BaseModel):
    """`base`: its name or hash, where several have champions."""

    model_config = ConfigDict(extra="forbid")

    base: str | None = None


@router.get("/recipes")
def list_recipes(seen: Owning) -> Recipes:
    """What can be trained: `POST /api/jobs` with the kind "train"."""
    return Recipes(recipes=recipes(seen.service.folder))


@router.post("/recipes", status_code=201)
def write_recipe(seen: Owning, wanted: NewRecipe) -> RecipeWritten:
    """Write a commented recipe into the folder `recipes`, named after the study set and the model; all that there are.

    Its gate asks the study set's own questions in wordings that are not trained, and facts that no row teaches."""
    from instill.study.stored_study import open_study
    from instill.train.gate.gate_of_study import write_gate
    from instill.train.generator.recipes.recipe_template import template_toml

    try:
        study = open_study(seen.workspace.home, wanted.study, seen.caller)
    except UsageError as error:
        raise unknown("No study set has this id.", wanted.study, "List them: GET /api/studies") from error
    chosen = seen.workspace.given.generator
    base = (chosen.folder or chosen.gguf) if wanted.base == "generator" else wanted.base
    if not base:
        raise UsageError(
            "No model is set that could be trained.",
            where="generator.folder",
            remedy="Choose another base, or set generator.folder or generator.gguf in instill.toml.",
        )
    folder = seen.service.folder / "recipes"
    folder.mkdir(exist_ok=True)
    rows = os.path.relpath(study.rows_file, folder)
    name = f"{study.card.id}-{wanted.base}.toml"
    gate = write_gate(study)
    named = "" if gate is None else os.path.relpath(gate, folder)
    text = template_toml(base=str(base), rows=rows, gate=named, name=f"study-{study.card.id}")
    try:
        with (folder / name).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(
            "There is a recipe for this study set and this model already.", where=f"recipes/{name}", remedy="Train it."
        ) from error
    return RecipeWritten(recipes=recipes(seen.service.folder), written=f"recipes/{name}")


@router.get("/models")
def list_models(seen: Reading) -> Candidates:
    """Candidates whose documents the caller may see, oldest first, and which of them is in use."""
    return candidates_of(_registry(seen), seen.caller)


@router.get("/models/{candidate}")
def show_model(seen: Reading, candidate: str) -> CandidateShown:
    """A candidate's card: what it was made from, what was measured, what the gate said."""
    found = _found(seen, candidate)
    registry = _registry(seen)
    problem = ""
    try:
        registry.check(found.card.id)
    except WorkspaceError as error:
        problem = error.what
    card = found.card.model_dump(mode="json")
    card["documents"] = found.card.made_from.shown_to(seen.labels).as_json()
    champion = Champions(registry).champion(found.card.base.hash) == found.card.id
    return CandidateShown(card=card, champion=champion, problem=problem)


@router.post("/models/{candidate}/promote")
def promote(seen: Owning, candidate: str, promotion: Promotion) -> Change:
    """Use a candidate with its base from now on."""
    found = _found(seen, candidate)
    return Champions(_registry(seen)).promote(found.card.id, force=promotion.force)


@router.post("/models/rollback")
def rollback(seen: Owning, back: Rollback) -> Change:
    """Use what was in use before: the champion before, or the base as it is."""
    return Champions(_registry(seen)).rollback(back.base)


def _registry(seen: Seen) -> Registry:
    return Registry(seen.workspace.home)


def _found(seen: Seen, reference: str) -> Candidate:
    try:
        found = _registry(seen).get(reference)
    except UsageError as error:
        raise _not_there(reference) from error
    if not seen.caller.sees(found.card.made_from):
        raise _not_there(reference)
    return found


def _not_there(reference: str) -> UsageError:
    return unknown("No candidate has this id.", reference[:80], "List them: GET /api/models")
