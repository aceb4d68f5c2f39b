"""A copy of a workspace whose documents can be changed while the original stays as it is."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from filelock import FileLock

from instill.compare.changed.changes import Change
from instill.documents.document import Block, Document, Page
from instill.errors import UsageError, WorkspaceError
from instill.fit.kept.files import learned_files
from instill.fit.kept.own_encoder import FOLDER as ENCODERS
from instill.fit.kept.own_encoder import RECORD_FILE as ENCODER_FILE
from instill.fit.kept.threshold import CALIBRATION_FILE
from instill.fit.kept.tuned import TUNED_FILE
from instill.index.generations import LANCE, POINTER, live_generation
from instill.index.lookup import StoredDocument, document_of
from instill.index.store import Index, write_lock
from instill.index.stores.copying import copy_documents
from instill.ingest.passages import Prepared, cut, encode_and_commit, passage_identity
from instill.settings import SETTINGS_FILE, StoreSettings
from instill.study.study_set import digest

if TYPE_CHECKING:
    from instill.workspace import Workspace

MARK = "copy"
"""A file in the copy's `.instill`: without it nothing is changed, so that no original is."""

_LOCK_TIMEOUT_S = 120.0

Structure = TypeVar("Structure", Page, Block)


def fresh_copy(workspace: Workspace, folder: Path) -> Workspace:
    """Copy what answers depend on: index, settings, tuned values, threshold, trained encoder.

    The copy is seen by whom the workspace is seen by. Questions that were asked, candidates and study sets stay behind.
    The index is copied while no other process writes to it.

    Args:
        folder: is made; an earlier copy in it is replaced.

    Raises:
        UsageError: the folder holds something that is no copy.
        WorkspaceError: there is no index yet, or the disk is full.
    """
    home = folder / ".instill"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if not (home / MARK).is_file():
            raise UsageError("The folder for the copy is not empty.", where=str(folder), remedy="Name a new folder.")
        shutil.rmtree(folder)
    try:
        home.mkdir(parents=True)
        (home / MARK).write_text(f"{workspace.path}\n", encoding="utf-8")
        with ExitStack() as stack:
            if workspace.writable:
                lock = FileLock(workspace.home / "index" / "write.lock", timeout=_LOCK_TIMEOUT_S)
                stack.enter_context(write_lock(lock))
            generation = live_generation(workspace.home / "index")
            if generation is None:
                raise WorkspaceError(
                    "There is no index yet.", where=str(workspace.home), remedy="Run: instill add PATH"
                )
            if generation.store == LANCE:
                _copy(workspace.home / "index" / generation.name, home / "index" / generation.name)
                _copy(workspace.home / "index" / POINTER, home / "index" / POINTER)
            else:
                copied = Index.open(
                    home / "index",
                    dimension=generation.dimension,
                    fingerprint=generation.fingerprint,
                    create=True,
                )
                copy_documents(workspace.whole_index, copied)
        learned = [file.name for name in (CALIBRATION_FILE, TUNED_FILE) for file in learned_files(workspace.home, name)]
        for name in (ENCODER_FILE, ENCODERS, *learned):
            _copy(workspace.home / name, home / name)
        _copy(workspace.path / SETTINGS_FILE, folder / SETTINGS_FILE)
    except OSError as error:
        raise WorkspaceError(f"The workspace cannot be copied: {error}.", where=str(folder)) from error
    given = workspace.given.model_copy(update={"store": StoreSettings()})  # a copy is in a folder, whatever it is of
    return type(workspace)(folder.resolve(), given).seen_by(workspace.labels)


def apply_change(copy: Workspace, change: Change) -> float:
    """Put the changed document in the copy's index as `instill add` does; the seconds that it took.

    Measured is a process that has its encoder loaded and the text at hand: cutting, encoding, committing, and the
    upkeep of the index where it is due. Reading the file is not in it.

    Raises:
        UsageError: the workspace is not a copy.
        WorkspaceError: the document is not there, or not as it was before the change.
    """
    stored = _before(copy, change)
    return _put(copy, [_changed(stored, change)])


def put_again(copy: Workspace, doc_ids: Sequence[str]) -> float:
    """Index documents again as they are; the seconds that it took, measured as in `apply_change`.

    Raises:
        UsageError: the workspace is not a copy.
        WorkspaceError: a document is not there.
    """
    _check_copy(copy)
    documents = []
    for doc_id in doc_ids:
        stored = copy.index.document_text(doc_id)
        if stored is None:
            raise WorkspaceError("A document is not in the copy.", where=doc_id, remedy="Run the comparison again.")
        documents.append(document_of(stored))
    return _put(copy, documents)


@contextmanager
def applied(copy: Workspace, change: Change) -> Iterator[float]:
    """`apply_change` for a while: afterwards the document is as it was.

    Raises:
        UsageError, WorkspaceError: as `apply_change`.
    """
    stored = _before(copy, change)
    try:
        yield _put(copy, [_changed(stored, change)])
    finally:
        _put(copy, [document_of(stored)])


def add_twins(copy: Workspace, changes: Sequence[Change]) -> None:
    """Add each changed document beside the original one, under another id: documents that contradict each other.

    Raises:
        UsageError: the workspace is not a copy.
        WorkspaceError: a document is not there, or not as it was before the change.
    """
    twins = []
    for change in changes:
        document, twin = _changed(_before(copy, change), change), twin_id(change)
        twins.append(replace(document, doc_id=twin, source=f"{document.source}#{twin}"))
    _put(copy, twins)


def twin_id(change: Change) -> str:
    """The id of the document that `add_twins` adds, 16 hexadecimal digits."""
    return digest([change.doc_id, change.new_text])


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _check_copy(copy: Workspace) -> None:
    if not (copy.home / MARK).is_file():
        raise UsageError(
            "Documents are changed in a copy of a workspace only.", where=str(copy.path), remedy="Make a copy first."
        )


def _before(copy: Workspace, change: Change) -> StoredDocument:
    _check_copy(copy)
    stored = copy.index.document_text(change.doc_id)
    if stored is None or stored.text != change.old_text:
        raise WorkspaceError(
            "A document is not as it was when the change was made up.",
            where=stored.record.source if stored else change.doc_id,
            remedy="Run the comparison again.",
        )
    return stored


def _changed(stored: StoredDocument, change: Change) -> Document:
    document = document_of(stored)
    parsed = document.parsed

    def start_of(offset: int) -> int:
        return change.moved(offset, offset)[0]

    data = change.new_text.encode("utf-8", "surrogatepass")
    return replace(
        document,
        content_hash=hashlib.sha256(data).hexdigest(),
        size=len(data),
        parsed=replace(
            parsed,
            text=change.new_text,
            headings=[replace(each, start=start_of(each.start)) for each in parsed.headings],
            pages=[_spanned(each, change) for each in parsed.pages],
            blocks=[_block(each, change) for each in parsed.blocks],
        ),
    )


def _spanned(part: Structure, change: Change) -> Structure:
    start, end = change.moved(part.start, part.end)
    return replace(part, start=start, end=end)


def _block(block: Block, change: Change) -> Block:
    moved = _spanned(block, change)
    if not block.head_end:
        return moved
    head_start, head_end = change.moved(block.head_start, block.head_end)
    return replace(moved, head_start=head_start, head_end=head_end)


def _put(copy: Workspace, documents: Sequence[Document]) -> float:
    index, encoder, settings = copy.index, copy.encoder, copy.settings.documents
    started = perf_counter()
    identity = passage_identity(settings, index.generation.fingerprint)
    batch = [Prepared(document, cut(document, encoder, settings), "changed") for document in documents]
    encode_and_commit(index, encoder, batch, identity)
    if index.needs_upkeep():
        index.upkeep()
    return perf_counter() - started
