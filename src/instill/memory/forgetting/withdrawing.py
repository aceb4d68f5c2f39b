"""Taking weights out of use that learned from documents: withdrawn and deleted, with what it takes to make them again.

What was learned cannot be taken out of weights. So the weights go, and are trained again on the rows that are left.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instill.common.durable_files import write_json
from instill.memory import FOLDER
from instill.memory.facts_in_weights import read_weights, write_weights
from instill.models.registry.card import Card
from instill.models.registry.champions import Champions
from instill.models.registry.store import Registry

REBUILD = "rebuild"
"""A folder beside the record of weights: for each candidate that was withdrawn, how it was trained."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What became of the weights.

    Args:
        ids: candidates that are deleted.
        was_champion: those of them that were in use.
        champions: what is in use instead, by name of the base; "" for the base as it is.
        rebuild: what has to be made again, a sentence each.
        unknown: candidates of which nobody wrote down what they learned from; they are still there.
    """

    ids: tuple[str, ...]
    was_champion: tuple[str, ...]
    champions: tuple[tuple[str, str], ...]
    rebuild: tuple[str, ...]
    unknown: tuple[str, ...]


def withdraw_learned(home: Path, doc_ids: Collection[str]) -> Withdrawal:
    """Withdraw every candidate that was trained on, or measured by, one of the documents. Stopped half-way, it is done
    again by the same call.

    Args:
        home: a workspace's `.instill`.

    Raises:
        WorkspaceError: the record of champions or of consolidated facts is damaged.
        OSError: a file cannot be written or deleted.
    """
    wanted = frozenset(doc_ids)
    registry = Registry(home)
    entries = registry.entries()
    unknown = tuple(each.id for each in entries if each.card is None or not each.card.made_from.known)
    learned = [each.card for each in entries if each.card is not None and each.card.made_from.doc_ids & wanted]
    ids = tuple(card.id for card in learned)
    for card in learned:
        _keep_recipe(home, card)
    changes = Champions(registry).withdraw(ids)
    labels = _withdraw_consolidated(home, ids)
    for id_ in ids:
        registry.remove(id_)
    again = [f"{card.id}: train its recipe again; {_recipe_file(home, card.id)}" for card in learned]
    if labels:
        again.append("consolidated facts: instill consolidate")
    return Withdrawal(
        ids,
        tuple(change.before for change in changes if change.before),
        tuple((change.base, change.champion or "") for change in changes),
        tuple(again),
        unknown,
    )


def _withdraw_consolidated(home: Path, ids: Collection[str]) -> list[tuple[str, ...]]:
    """Mark adapters that were made of facts as withdrawn, and their labels as to be made again."""
    weights = read_weights(home)
    gone = [each for each in weights.adapters if each.id in ids and each.state != "withdrawn"]
    if not gone:
        return []
    for adapter in gone:
        why = "It was trained on a document that was forgotten."
        weights = weights.with_adapter(adapter.model_copy(update={"state": "withdrawn", "why": why}))
    labels = sorted({each.labels for each in gone if each.state == "in use"})
    write_weights(home, weights.model_copy(update={"rebuild": tuple(sorted({*weights.rebuild, *labels}))}))
    return labels


def _recipe_file(home: Path, id_: str) -> Path:
    return home / FOLDER / REBUILD / f"{id_}.json"


def _keep_recipe(home: Path, card: Card) -> None:
    """How it was trained: recipe, base, seed, parent; no rows, and none of what was measured."""
    made: dict[str, Any] = {
        "id": card.id, "recipe": card.recipe, "seed": card.seed, "parent": card.parent,
        "base": card.base.model_dump(mode="json"),
    }  # fmt: skip
    file = _recipe_file(home, card.id)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, made)
