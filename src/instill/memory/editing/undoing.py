"""Taking an edit back: weights without it are in use again, and the record says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from instill.catalog import Catalog
from instill.errors import UsageError
from instill.memory.editing.making import Kept, edit_ids, in_force, made_before, make, parent_of, standing
from instill.memory.editing.record import EditRecord, edit_named, keep_edits, read_edits
from instill.models.registry.champions import Champions
from instill.models.registry.store import Registry


@dataclass(frozen=True, slots=True)
class Undone:
    """An edit that was taken back.

    Args:
        record: as it is kept now.
        said_again: whether another edit in force says a value for the same prompt.
    """

    record: EditRecord
    said_again: bool


def undo(home: Path, catalog: Catalog, reference: str, kept: Callable[[], Kept]) -> Undone:
    """Take an edit back: weights are made again from the others in force, or are those from before any edit, bit for
    bit.

    Args:
        home: the workspace's `.instill`.
        reference: its id, or the start of it.
        kept: what the model must go on saying; asked for only where weights are made.

    Raises:
        UsageError: there is no such edit, or it is not in force.
        WorkspaceError: the workspace cannot be written.
    """
    record = edit_named(standing(home, read_edits(catalog)), reference)
    if record.state not in ("in force", "not in use"):
        raise UsageError(f"The edit is {record.state} already.", where=record.edit_id)
    changed = _without(home, catalog, record, kept) if record.state == "in force" else []
    undone = record.model_copy(update={"state": "undone", "said": "Taken back by hand."})
    keep_edits(catalog, [undone, *changed])
    left = standing(home, read_edits(catalog))
    return Undone(undone, any(each.prompt == record.prompt and each.state == "in force" for each in left))


def _without(home: Path, catalog: Catalog, record: EditRecord, kept: Callable[[], Kept]) -> Sequence[EditRecord]:
    """Put weights to use that hold the other edits of the same base; the others, as they are kept then."""
    registry = Registry(home)
    left = [each for each in in_force(home, catalog, record.base) if each.edit_id != record.edit_id]
    old, in_use = registry.get(record.adapter).card, ""
    if left:
        parent = parent_of(home, record.base)
        card = made_before(home, record.base, parent, left, old)
        if card is None:
            from instill.train.editing.editing_methods import Settings

            settings = Settings(**{name: old.recipe[name] for name in Settings.__dataclass_fields__})
            card, _ = make(home, Path(old.base.folder), parent, left, kept(), settings)
        Champions(registry).promote(card.id, force=True)
        in_use = card.id
    Champions(registry).withdraw(edit_ids(home, record.base) - {in_use})
    return [each.model_copy(update={"adapter": in_use}) for each in left]
