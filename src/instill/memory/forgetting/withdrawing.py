"""Taking weights out of use that learned from documents: withdrawn and deleted, with what it takes to make them again.

What was learned cannot be taken out of weights. So the weights go, and are trained again on the rows that are left.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from instill.common.durable_files import write_json
from instill.common.untrusted_files import read_small_json
from instill.memory import FOLDER
from instill.memory.facts_in_weights import Adapter, Weights, read_weights, write_weights
from instill.models.registry.card import Card
from instill.models.registry.champions import Champions, Change
from instill.models.registry.store import Registry

REBUILD = "rebuild"
"""A folder beside the record of weights: for each candidate that was withdrawn, the settings it was trained with. They
are no recipe, because the rows are not there. Edits are made again with them."""


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

    def as_now(self, home: Path) -> Withdrawal:
        """The same with what is in use now, where weights were made again since.

        Args:
            home: a workspace's `.instill`.
        """
        lines = Champions(Registry(home)).lines().values()
        names = {line.base: line.champion or "" for line in lines}
        return replace(self, champions=tuple((base, names.get(base, "")) for base, _ in self.champions))


def to_withdraw(home: Path, doc_ids: Collection[str]) -> Withdrawal:
    """What `withdraw_learned` would do. Nothing is written.

    Args:
        home: a workspace's `.instill`.

    Raises:
        WorkspaceError: the record of champions or of consolidated facts is damaged.
    """
    registry = Registry(home)
    learned, unknown = _learned(registry, doc_ids)
    ids = tuple(card.id for card in learned)
    gone = _consolidated(read_weights(home), ids)
    return _withdrawal(home, learned, unknown, Champions(registry).if_withdrawn(ids), _labels_of(gone))


def withdraw_learned(home: Path, doc_ids: Collection[str]) -> Withdrawal:
    """Withdraw every candidate that was trained on, or measured by, one of the documents. Stopped half-way, it is done
    again by the same call.

    Args:
        home: a workspace's `.instill`.

    Raises:
        WorkspaceError: the record of champions or of consolidated facts is damaged.
        OSError: a file cannot be written or deleted.
    """
    registry = Registry(home)
    learned, unknown = _learned(registry, doc_ids)
    ids = tuple(card.id for card in learned)
    for card in learned:
        _keep_recipe(home, card)
    changes = Champions(registry).withdraw(ids)
    labels = _withdraw_consolidated(home, ids)
    for id_ in ids:
        registry.remove(id_)
    return _withdrawal(home, learned, unknown, changes, labels)


def recipe_kept(home: Path, id_: str) -> Mapping[str, Any] | None:
    """How a candidate that was withdrawn had been made: `recipe`, `seed`, `parent` and `base`; None if that is not
    known."""
    try:
        found = read_small_json(_recipe_file(home, id_))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _learned(registry: Registry, doc_ids: Collection[str]) -> tuple[list[Card], tuple[str, ...]]:
    """The cards of those that learned from one of the documents, and the ids of those of which nobody knows."""
    wanted, entries = frozenset(doc_ids), registry.entries()
    unknown = tuple(each.id for each in entries if each.card is None or not each.card.made_from.known)
    return [each.card for each in entries if each.card is not None and each.card.made_from.doc_ids & wanted], unknown


def _withdrawal(
    home: Path,
    learned: Sequence[Card],
    unknown: tuple[str, ...],
    changes: Sequence[Change],
    labels: Sequence[tuple[str, ...]],
) -> Withdrawal:
    return Withdrawal(
        tuple(card.id for card in learned),
        tuple(change.before for change in changes if change.before),
        tuple((change.base, change.champion or "") for change in changes),
        tuple(_again(home, learned, consolidate=bool(labels))),
        unknown,
    )


def _again(home: Path, learned: Sequence[Card], *, consolidate: bool) -> list[str]:
    """What makes them again, a sentence each.

    Args:
        consolidate: whether facts of them were in use.
    """
    from instill.memory.consolidating.plan import name_of

    adapters = read_weights(home).adapters
    ids, names = {each.id for each in adapters}, {name_of(each.labels) for each in adapters}
    found = []
    bases: dict[str, None] = {}
    for card in learned:
        if card.id in ids or card.recipe.get("name") in names:
            bases[str(card.recipe.get("base") or card.base.folder)] = None
        elif "edits" not in card.recipe:  # Edits are made again by themselves.
            found.append(f"{card.id}: {_train_again(home, card)}")
    again = [f"consolidated facts: instill consolidate --base {shlex.quote(base)}" for base in bases]
    return [*found, *(again if consolidate else ())]


def _train_again(home: Path, card: Card) -> str:
    """The recipe is a file of the user's own, which no card names; so are rows beside it."""
    name, data = card.recipe.get("name"), card.recipe.get("data")
    rows = data.get("rows") if isinstance(data, dict) else None
    which = f'your recipe with the name "{name}"' if name else "your recipe"
    held = f"its rows ({', '.join(map(str, rows))})" if rows else "its rows"
    return (
        f"instill train RECIPE.toml, where RECIPE.toml is {which}. Take the text out of {held} first; study sets are "
        f"cleaned already. The settings it was trained with: {_recipe_file(home, card.id)}"
    )


def _consolidated(weights: Weights, ids: Collection[str]) -> list[Adapter]:
    return [each for each in weights.adapters if each.id in ids and each.state != "withdrawn"]


def _labels_of(gone: Sequence[Adapter]) -> list[tuple[str, ...]]:
    """Whose facts have to be consolidated again."""
    return sorted({each.labels for each in gone if each.state == "in use"})


def _withdraw_consolidated(home: Path, ids: Collection[str]) -> list[tuple[str, ...]]:
    """Mark adapters that were made of facts as withdrawn, and their labels as to be made again."""
    weights = read_weights(home)
    gone = _consolidated(weights, ids)
    if not gone:
        return []
    for adapter in gone:
        why = "It was trained on a document that was forgotten."
        weights = weights.with_adapter(adapter.model_copy(update={"state": "withdrawn", "why": why}))
    labels = _labels_of(gone)
    write_weights(home, weights.model_copy(update={"rebuild": tuple(sorted({*weights.rebuild, *labels}))}))
    return labels


def _recipe_file(home: Path, id_: str) -> Path:
    return home / FOLDER / REBUILD / f"{id_}.json"


def _keep_recipe(home: Path, card: Card) -> None:
    """How it was trained: recipe, base, seed, parent; no rows, no edits (they hold words of documents), and none of
    what was measured."""
    made: dict[str, Any] = {
        "id": card.id, "recipe": {name: value for name, value in card.recipe.items() if name != "edits"},
        "seed": card.seed, "parent": card.parent,
        "base": card.base.model_dump(mode="json"),
    }  # fmt: skip
    file = _recipe_file(home, card.id)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, made)
