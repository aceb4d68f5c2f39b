"""Documents that were removed, kept whole for a week, so that they can be brought back.

`.instill/removed/` has a folder for each removal: `kept.json` says what it is, `documents.arrow` has the rows with
their vectors. Of a document that was replaced several times, each version has a removal of its own. A removal counts
only for the generation of the index that it was made in, and for the one that a purge of other documents wrote anew
from it; whatever else makes the index anew ends the way back.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from instill.catalog import Root
from instill.common.durable_files import write_bytes
from instill.index.protocol import PassageKey
from instill.index.schema import rows_of
from instill.index.store import Index
from instill.index.stores.copying import documents_in, documents_of
from instill.index.stores.row_texts import indexed_of
from instill.index.types import DocumentRecord, IndexedDocument
from instill.workspace.kept_rows import keep_rows
from instill.workspace.replaced_files import drop_files

FOLDER = "removed"
KEPT_S = 7 * 24 * 3600.0

_LIST, _ROWS = "kept.json", "documents.arrow"
_PASSAGES = 1000
_READ_ONE_BY_ONE = 100
"""Up to so many documents are looked up; for more, the whole table is read once."""


class Removal(BaseModel):
    """What was removed at once.

    Args:
        generation: the name of the index's generation that held it.
        at: when, in seconds since 1970.
        records: of the documents that can be brought back from here.
        labels: of a document that stayed, by its id: labels that were taken from it, so that others see it still.
        roots: what `sync` followed because of these documents.
        replaced: whether these are earlier versions of documents that an upload replaced.
        successor: the generation that holds the same index without what was purged; "" where there is none.
    """

    model_config = ConfigDict(frozen=True)

    generation: str
    at: float
    records: tuple[DocumentRecord, ...]
    labels: dict[str, tuple[str, ...]] = {}
    roots: tuple[Root, ...] = ()
    replaced: bool = False
    successor: str = ""

    def without(self, doc_ids: Collection[str], contents: Collection[str] = ()) -> Removal:
        """The same without these documents, and without whatever has one of these content hashes."""
        gone = [
            each
            for each in self.records
            if each.doc_id in doc_ids or (each.content_hash in contents and not self.labels)
        ]
        ids, sources = {each.doc_id for each in gone}, {each.source for each in gone}
        return self.model_copy(
            update={
                "records": tuple(each for each in self.records if each.doc_id not in ids),
                "labels": {doc_id: labels for doc_id, labels in self.labels.items() if doc_id not in ids},
                "roots": tuple(root for root in self.roots if root.path not in sources),
            }
        )


class RemovedDocuments:
    """The removals of a workspace. Every change is made with the index's write lock held.

    Args:
        home: the workspace's `.instill`.
        clock: seconds since 1970.
    """

    def __init__(self, home: Path, index: Index, clock: Callable[[], float] = time.time) -> None:
        self._home, self._index, self._clock = home, index, clock

    def keep(
        self, records: Sequence[DocumentRecord], roots: Iterable[Root] = (), *, replaced: bool = False
    ) -> dict[str, str]:
        """Keep documents that are about to be removed, or replaced; what names each version (`reference_of`), by the
        document's id. Where the disk is full, nothing is kept: to remove something must be possible then too."""
        folder = self._new()
        try:
            folder.mkdir(parents=True)
            self._write_rows(folder / _ROWS, records)
            self._write(folder, records, roots=tuple(roots), replaced=replaced)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            return {}
        return {record.doc_id: reference_of(folder, record) for record in records}

    def keep_labels(self, records: Sequence[DocumentRecord], taken: Collection[str]) -> None:
        """Note that documents stay, and that those of these labels that they have are about to be taken from them."""
        if records:
            labels = {each.doc_id: tuple(sorted(set(each.labels) & set(taken))) for each in records}
            self._write(self._new(), records, labels=labels)

    def removals(self) -> list[tuple[Path, Removal]]:
        """Those from which something can be brought back, newest first, without documents that are there again."""
        found = [(folder, each) for folder, each in self._all() if each is not None and self._counts(each)]
        known = {record.doc_id: record for _, removal in found for record in removal.records}
        there = {record.doc_id: record for record in self._index.records(doc_ids=sorted(known))} if known else {}

        def is_out(record: DocumentRecord, removal: Removal) -> bool:
            now, taken = there.get(record.doc_id), removal.labels.get(record.doc_id)
            if taken is not None:
                return now is not None and not set(taken) <= set(now.labels)
            if now is not None and self.is_version(record, removal):
                return now.content_hash != record.content_hash
            return now is None

        left = []
        for folder, removal in found:
            records = tuple(each for each in removal.records if is_out(each, removal))
            if records:
                left.append((folder, removal.model_copy(update={"records": records})))
        return left

    def is_version(self, record: DocumentRecord, removal: Removal) -> bool:
        """Whether it may take the place of another version of its document: an upload, whose file comes back too."""
        return removal.replaced or Path(record.source).is_relative_to(self._home / "uploads")

    def records_at(self, sources: Collection[str]) -> list[DocumentRecord]:
        """The versions that are kept of documents that stood at these places."""
        kept = [removal for _, removal in self._all() if removal is not None and self._counts(removal)]
        return [record for removal in kept for record in removal.records if record.source in sources]

    def versions_of(
        self, doc_ids: Collection[str], sources: Collection[str], contents: Collection[str]
    ) -> list[DocumentRecord]:
        """What is kept of documents, each version once: what has their id or stood at their place, and what has the
        content of one of these versions or of the documents, under whatever name.

        Args:
            contents: content hashes of the documents as they are now; those versions are left out.
        """
        kept = [record for _, removal in self._all() if removal and not removal.labels for record in removal.records]
        before = {each.doc_id for each in kept if each.source in sources} - set(doc_ids)
        elsewhere = {record.doc_id for record in self._index.records(doc_ids=sorted(before))} if before else set()
        own = {*doc_ids, *(before - elsewhere)}
        hashes = {*contents, *(each.content_hash for each in kept if each.doc_id in own)}
        found = [each for each in kept if each.doc_id in own or each.content_hash in hashes]
        versions = {(each.doc_id, each.content_hash): each for each in found}
        return [each for each in versions.values() if not (each.doc_id in doc_ids and each.content_hash in contents)]

    def forget(self, doc_ids: Collection[str], contents: Collection[str] = ()) -> None:
        """Delete all that is kept of some documents, and of whatever has one of these content hashes; all else stays.
        Stopped half-way, it is done again by the same call, and what is not deleted yet cannot be brought back.

        Raises:
            OSError: a file cannot be deleted, or the disk is full.
        """
        left: set[str] = set()
        for folder, removal in self._all():
            stays = None if removal is None or not self._counts(removal) else removal.without(doc_ids, contents)
            if stays is None or not stays.records:
                _delete(folder)
                continue
            if stays != removal:
                write_bytes(folder / _LIST, stays.model_dump_json().encode())
            if not stays.labels and not keep_rows(folder / _ROWS, {each.doc_id for each in stays.records}):
                _delete(folder)
                continue
            left |= {each.content_hash for each in stays.records}
        drop_files(
            self._home / FOLDER,
            (left | {each.content_hash for each in self._index.records()}) - set(contents),
            least_s=0.0,
        )
        if (self._home / FOLDER).is_dir() and not any((self._home / FOLDER).iterdir()):
            (self._home / FOLDER).rmdir()

    def go_with(self, successor: str) -> None:
        """Note that the index is about to continue in another generation, where all that is kept counts too."""
        for folder, removal in self._all():
            if removal is not None and self._counts(removal):
                now = {"generation": self._index.generation.name, "successor": successor}
                write_bytes(folder / _LIST, removal.model_copy(update=now).model_dump_json().encode())

    def sources(self) -> set[str]:
        """Where the documents stood that can be brought back."""
        kept = [removal for _, removal in self._all() if removal is not None and self._counts(removal)]
        return {record.source for removal in kept for record in removal.records}

    def documents(self, folder: Path, doc_ids: Collection[str]) -> Iterator[IndexedDocument]:
        """These documents of a removal, whole."""
        with pa.memory_map(str(folder / _ROWS)) as file:
            reader = pa.ipc.open_file(file)
            batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
            yield from documents_of(batches, set(doc_ids))

    def take_out(self, folder: Path, doc_ids: Collection[str]) -> None:
        """Note that these documents of a removal are back."""
        removal = _read(folder)
        left = [] if removal is None else [each for each in removal.records if each.doc_id not in doc_ids]
        if removal is None or not left:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            write_bytes(folder / _LIST, removal.model_copy(update={"records": tuple(left)}).model_dump_json().encode())

    def has_old(self) -> bool:
        """Whether there are removals that no longer count."""
        return any(removal is None or not self._counts(removal) for _, removal in self._all())

    def drop_old(self) -> list[DocumentRecord]:
        """Delete removals that no longer count; the documents of which nobody can bring back any version now."""
        gone: list[DocumentRecord] = []
        for folder, removal in self._all():
            if removal is None or not self._counts(removal):
                shutil.rmtree(folder, ignore_errors=True)
                gone += [] if removal is None or removal.labels or removal.replaced else removal.records
        left = [record for _, removal in self._all() if removal is not None for record in removal.records]
        drop_files(self._home / FOLDER, {record.content_hash for record in left})
        sources = {record.source for record in left}
        return [record for record in gone if record.source not in sources]

    def _counts(self, removal: Removal) -> bool:
        now = self._index.generation.name
        return now in (removal.generation, removal.successor) and self._clock() - removal.at < KEPT_S

    def _all(self) -> list[tuple[Path, Removal | None]]:
        folders = sorted((self._home / FOLDER).glob("[!.]*"), reverse=True)
        return [(folder, _read(folder)) for folder in folders]

    def _write_rows(self, file: Path, records: Sequence[DocumentRecord]) -> None:
        dimension = self._index.generation.dimension
        if len(records) <= _READ_ONE_BY_ONE:
            _write_rows(file, _looked_up(self._index, records), dimension)
        else:
            wanted = {record.doc_id for record in records}
            self._index.reading(lambda view: _write_rows(file, documents_in(view, wanted), dimension))

    def _new(self) -> Path:
        return self._home / FOLDER / f"{time.time_ns():020d}{secrets.token_hex(2)}"

    def _write(
        self,
        folder: Path,
        records: Sequence[DocumentRecord],
        *,
        labels: dict[str, tuple[str, ...]] | None = None,
        roots: tuple[Root, ...] = (),
        replaced: bool = False,
    ) -> None:
        removal = Removal(
            generation=self._index.generation.name,
            at=self._clock(),
            records=tuple(records),
            labels=labels or {},
            roots=roots,
            replaced=replaced,
        )
        write_bytes(folder / _LIST, removal.model_dump_json().encode())


def reference_of(folder: Path, record: DocumentRecord) -> str:
    """What names one version of a document that is kept in this folder.

    Example:
        >>> record = DocumentRecord("0a1b", "tea.md", "md", "Tea", "", 1, "", "", (), {}, 1, "")
        >>> reference_of(Path("/kb/.instill/removed/00017"), record)
        '0a1b@e74da451'
    """
    return f"{record.doc_id}@{hashlib.sha256(f'{folder.name} {record.doc_id}'.encode()).hexdigest()[:8]}"


def forget_removed(home: Path) -> None:
    """Delete all that is kept of removed documents; none of them can be brought back."""
    folder = home / FOLDER
    if folder.is_dir():
        shutil.rmtree(folder)


def _delete(folder: Path) -> None:
    """What names the documents goes first, so that nothing of a half deleted removal is offered."""
    (folder / _LIST).unlink(missing_ok=True)
    shutil.rmtree(folder)


def _read(folder: Path) -> Removal | None:
    """None where it is not finished, or cannot be read."""
    try:
        return Removal.model_validate_json((folder / _LIST).read_bytes())
    except (OSError, ValidationError, ValueError):
        return None


def _write_rows(file: Path, documents: Iterable[IndexedDocument], dimension: int) -> None:
    batch: list[IndexedDocument] = []
    schema = rows_of([], added={}, now="", dimension=dimension).schema
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for document in documents:
            batch.append(document)
            if sum(len(each.passages) for each in batch) >= _PASSAGES:
                writer.write_table(_rows(batch, dimension))
                batch = []
        if batch:
            writer.write_table(_rows(batch, dimension))
    with file.open("rb") as written:
        os.fsync(written.fileno())


def _rows(batch: Sequence[IndexedDocument], dimension: int) -> pa.Table:
    added = {each.document.doc_id: each.added for each in batch}
    return rows_of(batch, added=added, now="", dimension=dimension)


def _looked_up(index: Index, records: Sequence[DocumentRecord]) -> Iterator[IndexedDocument]:
    for record in records:
        stored = index.document_text(record.doc_id)
        if stored is not None:
            passages = index.passages_of(record.doc_id)
            vectors = index.vectors_of([PassageKey(record.doc_id, each.ordinal) for each in passages])
            yield indexed_of(stored, passages, vectors)
