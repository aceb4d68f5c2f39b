"""Encoding everything again, beside the index that answers meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from instill.errors import WorkspaceError
from instill.index.live_pointer import pointer_of
from instill.index.lookup import document_of
from instill.index.store import Index
from instill.index.types import DocumentRecord
from instill.ingest.passages import BATCH_PASSAGES, Prepared, cut, encoded, passage_identity
from instill.models.encoders.protocol import Encoder
from instill.settings import DocumentSettings, StoreSettings


def reindex(
    folder: Path,
    encoder: Encoder,
    settings: DocumentSettings,
    progress: Callable[[int, int], None] | None = None,
    accept: Callable[[Index], bool] | None = None,
    *,
    store: StoreSettings | None = None,
) -> int:
    """Fill a new generation of the index from the documents of the live one, then switch over.

    Needs no source files: the index holds every document whole. Documents that change meanwhile are brought up to
    date before the switch. Stopped half-way, nothing has changed. Returns how many documents were encoded.

    Args:
        store: what is needed to reach the store that the index is in.
        accept: looks at the new generation when it is filled; False drops it, and the old one stays.

    Raises:
        WorkspaceError: there is no index, or it cannot be written.
    """
    live = pointer_of(folder, store).live()
    if live is None:
        raise WorkspaceError(
            "There is no index yet.", where=str(folder), remedy="Add something first: instill add PATH"
        )
    old = Index.open(folder, dimension=live.dimension, fingerprint=live.fingerprint, settings=store)
    new = old.begin_generation(dimension=encoder.dimension, fingerprint=encoder.fingerprint)
    identity = passage_identity(settings, encoder.fingerprint)
    behind = [record.doc_id for record in old.records()]
    copied: dict[str, DocumentRecord] = {}
    count = 0
    while True:
        if behind:
            count += _copy(old, new, behind, encoder, settings, identity, progress, copied)
            new.upkeep(force=True)
            if accept is not None and not accept(new):
                new.drop()
                return count
            accept = None
        behind = old.switch_generation(new, copied)
        if not behind:
            return count


def _copy(
    old: Index,
    new: Index,
    doc_ids: list[str],
    encoder: Encoder,
    settings: DocumentSettings,
    identity: str,
    progress: Callable[[int, int], None] | None,
    copied: dict[str, DocumentRecord],
) -> int:
    """Encode documents again; notes in `copied` what each was copied from."""
    batch: list[Prepared] = []
    count = 0

    def commit() -> None:
        again = encoded(encoder, batch, identity, estimated_from=settings.estimated_from)
        new.commit([replace(entry, added=copied[entry.document.doc_id].added) for entry in again])
        batch.clear()

    for position, doc_id in enumerate(doc_ids):
        stored = old.document_text(doc_id)
        if stored is None:
            new.remove([doc_id])
            copied.pop(doc_id, None)
            continue
        document = document_of(stored)
        copied[doc_id] = stored.record
        batch.append(Prepared(document, cut(document, encoder, settings), "changed"))
        count += 1
        if sum(len(entry.passages) for entry in batch) >= BATCH_PASSAGES:
            commit()
        if progress is not None:
            progress(position + 1, len(doc_ids))
    commit()
    return count
