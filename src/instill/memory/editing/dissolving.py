"""What becomes of edits once facts were consolidated: their facts are in weights that were trained, or in the index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from instill.catalog import Catalog
from instill.memory.consolidating.consolidate import Consolidated
from instill.memory.editing.making import edit_ids
from instill.memory.editing.record import EditRecord, keep_edits, read_edits
from instill.models.registry.champions import Champions
from instill.models.registry.store import Registry


def dissolve(home: Path, catalog: Catalog, found: Sequence[Consolidated]) -> list[EditRecord]:
    """End the edits in force of each base that an adapter for the owner was put to use with.

    Weights with edits are withdrawn: the adapter was trained from the base, without them. The facts of the edits were
    candidates of that training as any others.

    Args:
        home: a workspace's `.instill`.

    Returns:
        The edits that were dissolved, with what became of each.
    """
    registry = Registry(home)
    ended: list[EditRecord] = []
    for each in found:
        if not each.promoted or each.labels:
            continue
        base = registry.get(each.adapter).card.base.hash
        known = {fact.fact_id for fact in each.facts if fact.passed}
        live = [edit for edit in read_edits(catalog) if edit.base == base and edit.state == "in force"]
        done = [edit.model_copy(update={"state": "dissolved", "said": _said(edit, each, known)}) for edit in live]
        if done:
            keep_edits(catalog, done)
            Champions(registry).withdraw(edit_ids(home, base))
        ended += done
    return ended


def _said(edit: EditRecord, found: Consolidated, known: set[str]) -> str:
    if edit.fact_id in known:
        return f"Its fact was trained into {found.adapter}, and is known there."
    why = found.left_out.get(edit.fact_id, "it was no candidate, or is not known in other wordings")
    return f"Its fact is answered from the index only: {why.partition(';')[0]}."
