"""Edits of weights when a document is forgotten: those of its facts go, and the others are made again without it.

All edits of a model are computed together, with passages of the documents beside them as what must stay. So weights
with edits learned from every document, and they go when one is forgotten; the other edits do not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from instill.catalog import Catalog
from instill.common.plurals import counted
from instill.errors import InstillError
from instill.memory.editing.making import Kept, make, parent_of, standing
from instill.memory.editing.record import EditRecord, keep_edits, read_edits
from instill.memory.forgetting.receipts import Taken
from instill.memory.forgetting.withdrawing import recipe_kept
from instill.models.registry.champions import Champions
from instill.models.registry.store import Registry

AGAIN = "are made again without it"


@dataclass(frozen=True, slots=True)
class EditsLeft:
    """What becomes of the edits in force.

    Args:
        gone: ids of those whose value came from the documents.
        again: ids of the others in the same weights.
    """

    gone: tuple[str, ...] = ()
    again: tuple[str, ...] = ()

    def planned(self) -> list[Taken]:
        """Said before it is done."""
        found = [Taken(where=f"edit {id_}", said="Its value comes from it, so it ends.") for id_ in self.gone]
        if self.again:
            many = counted(len(self.again), "other edit")
            said = f"{many} in the same weights ({', '.join(self.again)}) {AGAIN}."
            found.append(
                Taken(where="edits", said=said.replace("are made", "is made") if len(self.again) == 1 else said)
            )
        return found


def edits_left(home: Path, catalog: Catalog, adapters: Collection[str], doc_ids: Collection[str]) -> EditsLeft:
    """What forgetting these documents ends, and what it makes again. Nothing is written.

    Args:
        home: a workspace's `.instill`.
        adapters: the candidates that are withdrawn.
    """
    live = [each for each in standing(home, read_edits(catalog)) if each.state == "in force"]
    return EditsLeft(
        tuple(each.edit_id for each in live if each.doc_id in doc_ids),
        tuple(each.edit_id for each in live if each.doc_id not in doc_ids and each.adapter in adapters),
    )


def end_unused(home: Path, catalog: Catalog) -> None:
    """Note which edits in force are not in use, while their weights are there still; these are not made again."""
    edits = read_edits(catalog)
    changed = [now for now, before in zip(standing(home, edits), edits, strict=True) if now.state != before.state]
    if changed:
        keep_edits(catalog, changed)


def make_again(home: Path, catalog: Catalog, kept: Callable[[], Kept]) -> list[EditRecord]:
    """Make weights again for the edits in force whose weights are gone; those edits as they are kept now. An edit that
    cannot be made again is not in use, and says why. Stopped half-way, it is done again by the same call.

    Args:
        home: a workspace's `.instill`, where nobody else takes text out or keeps results meanwhile.
        kept: what the model must go on saying; asked for only where weights are made.
    """
    there = frozenset(Registry(home).ids())
    lost = [each for each in read_edits(catalog) if each.state == "in force" and each.adapter not in there]
    found: list[EditRecord] = []
    for base in sorted({each.base for each in lost}):
        found += _made_again(home, base, [each for each in lost if each.base == base], kept)
    if found:
        keep_edits(catalog, found)
    return found


def said_of(records: Sequence[EditRecord]) -> tuple[list[Taken], list[str]]:
    """What a receipt says of edits that were made again, and what is to be done about those that were not."""
    taken = []
    for adapter in sorted({each.adapter for each in records if each.state == "in force"}):
        own = [each.edit_id for each in records if each.adapter == adapter and each.state == "in force"]
        said = f"{counted(len(own), 'other edit')} ({', '.join(own)}) {'was' if len(own) == 1 else 'were'} made again"
        taken.append(Taken(where="edits", said=f"{said} without it, in {adapter}."))
    return taken, [
        f"edit {each.edit_id}: edit again with: instill edit. {each.said}"
        for each in records
        if each.state != "in force"
    ]


def _made_again(home: Path, base: str, edits: Sequence[EditRecord], kept: Callable[[], Kept]) -> Sequence[EditRecord]:
    from instill.train.editing.editing_methods import Settings

    old = recipe_kept(home, edits[-1].adapter)
    if old is None:
        return _ended(edits, "Nobody knows how its weights were made.")
    try:
        settings = Settings(**{name: old["recipe"][name] for name in Settings.__dataclass_fields__})
        folder = Path(old["base"]["folder"])
        card, _ = make(home, folder, parent_of(home, base), edits, kept(), settings, alone=True)
    except (InstillError, OSError, ImportError, KeyError, TypeError) as error:
        return _ended(edits, error.what if isinstance(error, InstillError) else f"The model cannot be opened: {error}.")
    Champions(Registry(home)).promote(card.id, force=True)  # As where one of several edits is taken back.
    return [each.model_copy(update={"adapter": card.id}) for each in edits]


def _ended(edits: Sequence[EditRecord], why: str) -> Sequence[EditRecord]:
    said = f"Its weights learned from a document that was forgotten, and could not be made again. {why}".strip()
    return [each.model_copy(update={"state": "not in use", "said": said}) for each in edits]
