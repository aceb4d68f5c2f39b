"""Mending a workspace's index, with the encoder that documents need which have to be cut again."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from instill.errors import WorkspaceError
from instill.index.generations import LANCE, kind_of
from instill.index.lookup import StoredDocument, document_of
from instill.index.repair import Repair, repair
from instill.index.store import write_lock
from instill.index.types import IndexedDocument
from instill.ingest.passages import Prepared, cut, encoded, passage_identity
from instill.models.encoders.protocol import Encoder
from instill.settings import DocumentSettings

_LOCK_TIMEOUT_S = 120.0


def repair_index(folder: Path, encoder: Encoder, settings: DocumentSettings) -> Repair:
    """Mend the index in `folder` if it is damaged; see `instill.index.repair`.

    Raises:
        WorkspaceError: it cannot be written, or another process keeps writing to it.
    """
    identity = passage_identity(settings, encoder.fingerprint)

    def remake(stored: StoredDocument) -> IndexedDocument:
        document = document_of(stored)
        [made] = encoded(encoder, [Prepared(document, cut(document, encoder, settings), "changed")], identity)
        return made

    if not folder.exists():
        return Repair(())
    if (kind := kind_of(folder)) != LANCE:
        raise WorkspaceError(
            f"Instill repairs Lance tables only; the documents of this workspace are in the store {kind!r}.",
            where=str(folder),
            remedy="Restore the store from a backup, or add the documents to a new workspace.",
        )
    with write_lock(FileLock(folder / "write.lock", timeout=_LOCK_TIMEOUT_S)):
        return repair(folder, fingerprint=encoder.fingerprint, remake=remake)
