"""The card of a recipe's candidate: before the training, after it, and after the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instill.common.made_from import MadeFrom, together
from instill.errors import WorkspaceError
from instill.models.registry.card import (
    Base,
    Card,
    Condition,
    GateResult,
    Metrics,
    Rows,
    candidate_id,
    environment,
    now,
)
from instill.models.registry.store import Candidate, Registry
from instill.train.gate.advice import scale_text

if TYPE_CHECKING:
    from instill.train.gate.run import Interpolated
    from instill.train.generator.run import Fitted, Prepared


def first_card(prepared: Prepared, parent: Card | None) -> Card:
    """What is known of a candidate before it is trained; its id follows from that alone."""
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
        documents=made_from_of(prepared, parent).as_json(),
    )


def made_from_of(prepared: Prepared, parent: Card | None) -> MadeFrom:
    """All that had a say in the weights: the rows, the gate's, which chose their scale, and what the parent was
    trained on."""
    rows = (*prepared.rows, *prepared.replay, *prepared.measured_on)
    own = together(row.made_from for row in rows)
    return own if parent is None else own | parent.made_from


def all_sources(known: Card, card: Card) -> MadeFrom:
    """The same rows, made from other documents or from the same ones under other labels: all of them count. What
    nobody wrote down is known now."""
    return card.made_from | known.made_from if known.made_from.known else card.made_from


def known_candidate(registry: Registry, card: Card) -> Candidate | None:
    """The candidate that the same recipe made before, as a whole or at a scale; not where it is damaged."""
    from instill.train.gate.run import SCALES

    present = set(registry.ids())
    for id_ in (card.id, *(at_scale(card, scale).id for scale in SCALES)):
        if id_ in present:
            try:
                return registry.check(id_)
            except WorkspaceError:
                continue  # It is made anew, and takes the damaged one's place.
    return None


def with_training(card: Card, fitted: Fitted) -> Card:
    """The card with what the training said of itself."""
    training = {"loss": fitted.loss, "steps": fitted.steps, "seconds": round(fitted.seconds, 1)}
    if fitted.reward is not None:
        training["reward"] = round(fitted.reward, 4)
    return card.model_copy(update={"metrics": Metrics(after={"training": training})})


def with_gate(card: Card, tried: Interpolated, gate_hash: str) -> Card:
    """The card with what the gate measured, and its verdict."""
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


def gate_hash(card: Card) -> str:
    """Of the gate that it was measured by; kept on the card beside the gate's result."""
    return str((card.gate.model_extra or {}).get("hash", "")) if card.gate else ""


def gate_score(card: Card) -> float | None:
    """The mean score, 0 to 1, on the rows of the gate's [gain]; None where it was not measured."""
    score = card.metrics.after.get("gain")
    return float(score) if isinstance(score, int | float) else None


def at_scale(card: Card, scale: float) -> Card:
    """The card of a candidate between base and this one: another candidate, with an id of its own."""
    recipe = {**card.recipe, "scale": scale}
    id_ = candidate_id(
        str(recipe["name"]), base_hash=card.base.hash, rows_hash=card.rows.hash, recipe=recipe, seed=card.seed
    )
    return card.model_copy(update={"id": id_, "recipe": recipe})
