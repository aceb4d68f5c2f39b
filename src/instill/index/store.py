"""`Index`: whole documents in, ranked passages out, whichever store keeps them."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from instill.errors import DamagedIndex, EncoderMismatch, IndexRebuilt, UsageError, WorkspaceError
from instill.index import lookup, search, writing
from instill.index.earlier_generations import Copy, drop_earlier
from instill.index.fusion import Fusion
from instill.index.generations import (
    LANCE,
    Generation,
    mark_live,
    new_generation,
    remove_old_generations,
)
from instill.index.lance import LanceStore
from instill.index.lance_tables import Tables, storage_errors
from instill.index.live_pointer import pointer_of
from instill.index.lookup import StoredDocument, StoredPassage
from instill.index.opening import create_store, drop_old, named_in, open_store
from instill.index.protocol import BuildsGraphApart, Capabilities, HasKey, HasLock, Lock, Result, Stats, View
from instill.index.removed_documents import keep_notes, note_removed, removed_in
from instill.index.types import DocumentRecord, IndexedDocument, Keep, Put, SearchRequest, SearchResult
from instill.index.vocabulary import Vocabularies, Vocabulary
from instill.models.encoders.protocol import Vectors

if TYPE_CHECKING:
    import pyarrow as pa

    from instill.index.sql_limits import SqlLimits
    from instill.settings import StoreSettings

_LOCK_TIMEOUT_S = 120.0
_RELABELLED_AT_ONCE = 500
_READ_AT_ONCE = 50


class Index:
    """The passages of a workspace with their vectors, in the store that `current.json` in a folder names.

    Any number of processes may read and write. Writers take turns for the length of a commit; readers take no lock
    and see the last finished commit. Every method that takes `labels` treats None as the unrestricted caller and
    `()` as a caller who sees nothing.

    Example:
        >>> import tempfile, numpy as np
        >>> from instill.documents.document import Document, Parsed, Passage
        >>> from instill.index.fusion import ZScoreFusion
        >>> text = "Rain falls mainly in spring."
        >>> document = Document("0" * 16, "/notes/rain.txt", "text", "rain", "hash", len(text), "", Parsed(text))
        >>> vectors = np.array([[0.6, 0.8]], dtype=np.float32)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     index = Index.open(Path(folder) / "index", dimension=2, fingerprint="demo", create=True)
        ...     index.commit([IndexedDocument(document, [Passage(0, 0, len(text), text)], vectors, "v1")])
        ...     result = index.search(SearchRequest("spring rain", k=1), vectors, ZScoreFusion())
        ...     print(index.count(), result.hits[0].text)
        (1, 1) Rain falls mainly in spring.
    """

    def __init__(
        self, folder: Path, generation: Generation, *, read_only: bool, settings: StoreSettings | None = None
    ) -> None:
        """Use `Index.open`."""
        self.folder = folder
        self.generation = generation
        self.read_only = read_only
        self._settings = settings
        self._store = open_store(folder, generation, settings, read_only=read_only)
        if generation.store != LANCE:
            weakref.finalize(self, self._store.close)
        self._pointer = pointer_of(folder, settings)
        self._is_live = False
        self._lock: Lock = FileLock(folder / "write.lock", timeout=_LOCK_TIMEOUT_S)
        if isinstance(self._store, HasLock):
            self._lock = self._store.lock
        self._vocabularies = Vocabularies()
        self._helper = ThreadPoolExecutor(max_workers=2, thread_name_prefix="instill-search")

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        dimension: int,
        fingerprint: str,
        create: bool = False,
        read_only: bool = False,
        settings: StoreSettings | None = None,
    ) -> Index:
        """Open the index in `folder`, or make an empty one with `create`.

        Args:
            dimension: length of the encoder's vectors.
            fingerprint: the encoder's; stored with the index.
            read_only: never write, not even a lock file; every method that changes something raises.
            settings: which store a new index is made in, and what is needed to reach it; None: Lance.

        Raises:
            EncoderMismatch: the index was made with another encoder.
            WorkspaceError: there is no index and `create` is False, or it cannot be made or read, or it is in another
                store than the one of the settings.
        """
        generation = pointer_of(folder, settings).live()
        if generation is None:
            if not create or read_only:
                raise WorkspaceError(
                    "There is no index yet.", where=str(folder), remedy="Add something first: instill add PATH"
                )
            generation = _create_index(folder, dimension, fingerprint, settings)
        if generation.fingerprint != fingerprint or generation.dimension != dimension:
            raise EncoderMismatch(
                "The index was made with another encoder than the settings name.",
                where=f"index: {generation.fingerprint}, settings: {fingerprint}",
                remedy="Run: instill reindex (re-encodes beside the old index, then switches over), "
                "or set the encoder back.",
            )
        return cls(folder, generation, read_only=read_only, settings=settings)

    # -- changing ----------------------------------------------------------------------------------------------

    def commit(self, documents: Sequence[IndexedDocument]) -> None:
        """Put in whole documents, replacing those with the same `doc_id`, in one atomic commit.

        After a crash either all of the batch is in or none of it. When a `doc_id` comes twice the last one counts.

        Raises:
            ValueError: a document without passages, ordinals with gaps, or vectors of another shape.
            WorkspaceError: the disk is full, the index is read-only, or another generation was switched to.
        """
        writing.check(documents, self.generation.dimension)
        if not documents:
            return
        self._put(documents, ())

    def apply(self, changes: Sequence[Put | Keep]) -> list[Put | Keep]:
        """Make the changes whose documents are still as they were known, in one atomic commit; the others come back.

        What comes back was overtaken by another writer and has to be decided anew. Of two changes that concern one
        document or one source the first is made.

        Raises:
            ValueError, WorkspaceError: as `commit`.
        """
        writing.check([each.document for each in changes if isinstance(each, Put)], self.generation.dimension)
        if not changes:
            return []
        with self.alone():
            fresh, stale = writing.split_by_freshness(self._newest(), changes)
            put = [change.document for change in fresh if isinstance(change, Put)]
            kept = [change for change in fresh if isinstance(change, Keep)]
            if put or kept:
                self._put(put, kept)
        return stale

    def remove(self, doc_ids: Sequence[str]) -> int:
        """Take documents out, in one atomic commit; how many were there."""
        if not doc_ids:
            return 0
        self._check_writable()
        with storage_errors(self.folder):  # Noted first: a kill in between tells of too much, not of too little.
            note_removed(self.folder / self.generation.name, doc_ids)
        with self.alone(), storage_errors(self.folder):
            removed = self._store.remove(doc_ids)
            self._mark()
        return removed

    def rename(self, doc_id: str, *, source: str, title: str) -> None:
        """Record that a document moved; its vectors stay, its keywords follow the new name.

        Raises:
            UsageError: there is no such document.
        """
        with self.alone():
            known = self._one(doc_id)
            self._put((), [Keep(known, source, title, known.labels)])

    def relabel(self, doc_id: str, labels: Sequence[str]) -> None:
        """Replace a document's labels. Raises UsageError when there is no such document."""
        with self.alone():
            known = self._one(doc_id)
            self._put((), [Keep(known, known.source, known.title, tuple(labels))])

    def relabel_many(self, doc_ids: Sequence[str], changed: Callable[[DocumentRecord], Sequence[str]]) -> int:
        """Change the labels of many documents; how many of them have other labels now.

        Args:
            doc_ids: those that are gone are left out.
            changed: the labels that a document is to have, from what it is now.
        """
        count = 0
        for start in range(0, len(doc_ids), _RELABELLED_AT_ONCE):
            with self.alone():
                known = self._newest().records(None, doc_ids[start : start + _RELABELLED_AT_ONCE], None, "")
                wanted = [Keep(each, each.source, each.title, tuple(sorted(set(changed(each))))) for each in known]
                kept = [each for each in wanted if each.labels != tuple(sorted(each.known.labels))]
                if kept:
                    self._put((), kept)
                count += len(kept)
        return count

    def _put(self, documents: Sequence[IndexedDocument], kept: Sequence[Keep]) -> None:
        with self.alone(), storage_errors(self.folder):
            self._store.put(documents, kept)
            self._mark()

    def _mark(self) -> None:
        if self._is_live:
            mark_live(self.folder, self.generation)

    def _newest(self) -> View:
        with storage_errors(self.folder):
            return self._store.newest()

    def _one(self, doc_id: str) -> DocumentRecord:
        found = self._newest().records(None, [doc_id], None, "")
        if not found:
            raise UsageError("There is no such document.", where=doc_id, remedy="See: instill status")
        return found[0]

    # -- looking up --------------------------------------------------------------------------------------------

    def records(
        self,
        sources: Sequence[str] | None = None,
        *,
        doc_ids: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        where: str = "",
    ) -> list[DocumentRecord]:
        """Documents with one of `sources` and one of `doc_ids` (None: any), sorted by source.

        Raises:
            UsageError: `where` is not a filter (see `instill.index.filters`).
        """
        return self._read(lambda view: view.records(sources, doc_ids, labels, where))

    def find_by_hash(self, content_hash: str) -> list[DocumentRecord]:
        """Documents with exactly these bytes, sorted by source."""
        return self._read(lambda view: view.find_by_hash(content_hash))

    def version(self) -> int:
        """A number that grows with every commit, anybody's."""
        return self._read(lambda view: view.version)

    def reading(self, read: Callable[[View], Result]) -> Result:
        """What `read` gives of the newest version; it is called once more where that was cleaned away meanwhile."""
        return self._read(read)

    def count(self, labels: Sequence[str] | None = None) -> tuple[int, int]:
        """How many documents and passages there are."""
        return self._read(lambda view: view.count(labels))

    def document_text(self, doc_id: str, labels: Sequence[str] | None = None) -> StoredDocument | None:
        """A document with its canonical text and structure; None when there is none that the caller may see."""
        return self.document_texts([doc_id], labels).get(doc_id)

    def document_texts(self, doc_ids: Sequence[str], labels: Sequence[str] | None = None) -> dict[str, StoredDocument]:
        """Documents by id as `document_text` gives each, read at once; without those that the caller may not see."""
        return self._read(lambda view: view.document_texts(doc_ids, labels))

    def stored_documents(self, doc_ids: Sequence[str]) -> Iterator[StoredDocument]:
        """Documents one after the other as `document_text` gives them; without those that are removed meanwhile."""
        for start in range(0, len(doc_ids), _READ_AT_ONCE):
            some = doc_ids[start : start + _READ_AT_ONCE]
            found = self.document_texts(some)
            yield from (found[doc_id] for doc_id in some if doc_id in found)

    def passages_of(self, doc_id: str, labels: Sequence[str] | None = None) -> list[StoredPassage]:
        """A document's passages in order; empty when there is none that the caller may see."""
        return self._read(lambda view: view.passages_of(doc_id, labels))

    def neighbours(
        self, doc_id: str, ordinal: int, before: int = 1, after: int = 1, labels: Sequence[str] | None = None
    ) -> list[StoredPassage]:
        """The passage `ordinal` with up to `before` ahead of it and `after` behind it, in order."""
        return self._read(lambda view: view.passages_of(doc_id, labels, first=ordinal - before, last=ordinal + after))

    def require_known_fields(self, where: str, labels: Sequence[str] | None = None) -> None:
        """Refuse a filter that names a field which no document of the caller has.

        Raises:
            UsageError: names it, and lists those that there are; or `where` is not a filter.
        """
        from instill.index.known_fields import require_known

        self._read(lambda view: require_known(view, where, labels))

    # -- searching ---------------------------------------------------------------------------------------------

    def search(self, request: SearchRequest, query_vector: Vectors | None, fusion: Fusion) -> SearchResult:
        """Rank passages, both legs on one version of the table.

        Args:
            query_vector: float32 `(dimension,)` or `(1, dimension)`, of length 1; needed unless the mode is "keyword".
            fusion: how the legs are combined, in mode "hybrid".

        Raises:
            UsageError: `request.where` is not a filter, or `request.k` is below 1.
            ValueError: the vector is missing or has another shape.
        """
        return self.search_fused(request, query_vector, [fusion])[0]

    def search_fused(
        self, request: SearchRequest, query_vector: Vectors | None, fusions: Sequence[Fusion]
    ) -> list[SearchResult]:
        """`search` with each of these fusions; the legs, which are the same for all, are searched once."""
        search.check(request)
        if request.labels is not None and not request.labels:
            return [SearchResult(()) for _ in fusions]
        vector = search.checked_vector(request, query_vector, self.generation.dimension)
        return self._read(lambda view: search.search(view, request, vector, fusions, self._helper))

    def vocabulary(self, labels: Sequence[str] | None = None, where: str = "") -> Vocabulary:
        """The words of the passages that the caller sees, of those that the filter `where` lets through."""
        return self._read(lambda view: self._vocabularies.of(view, labels, where))

    def vectors_of(self, passages: Sequence[HasKey]) -> Vectors:
        """float32 `(len(passages), dimension)`; a row of zeros where a passage has gone since."""
        return self._read(lambda view: view.vectors_of(passages))

    def sql(
        self,
        query: str,
        labels: Sequence[str] | None = None,
        *,
        query_vector: Vectors | None = None,
        limits: SqlLimits | None = None,
        called: Callable[[str], str] | None = None,
    ) -> pa.Table:
        """One read-only SELECT over the views `documents` and `passages` (see `instill.index.sql`).

        Args:
            labels: rows that this caller may not see are not even loaded.
            query_vector: float32 `(dimension,)`; gives `passages` the column `similarity`, the cosine with it.
            called: gives what stands in the column `source` in the place of a source; None: the source.

        Raises:
            UsageError: it is not one SELECT, DuckDB refuses it, or it takes or gives more than `limits` allow.
        """
        from instill.index import sql
        from instill.index.sql_limits import SqlLimits

        return self._read(
            lambda view: sql.run(
                view, query, labels=labels, query_vector=query_vector, limits=limits or SqlLimits(), called=called
            )
        )

    # -- upkeep ------------------------------------------------------------------------------------------------

    def needs_upkeep(self) -> bool:
        """Whether so much was changed that searching has become slower than it need be."""
        with self._reported():
            return self._store.needs_upkeep()

    def upkeep(self, *, progress: Callable[[str], None] | None = None, force: bool = False, graph: bool = True) -> None:
        """Bring the search indices up to date, compact, delete tombstones, clean old versions and generations.

        Searching goes on meanwhile. It may be killed at any moment and is then simply done again. Does nothing when
        another process is at it or when `needs_upkeep()` is False, unless `force`.

        Args:
            graph: False leaves out the graph of the vectors, in a store that can do without: they are soon replaced.
        """
        self._check_writable()
        with storage_errors(self.folder):
            if not graph and isinstance(self._store, BuildsGraphApart):
                self._store.upkeep_but_graph(self._marked_alone, progress=progress)
            else:
                self._store.upkeep(self._marked_alone, progress=progress, force=force)
            remove_old_generations(self.folder)
            drop_old(self.folder, self._settings)

    def stats(self) -> Stats:
        """Sizes, for `status` and `doctor`."""
        with self._reported():
            return self._store.stats()

    @property
    def capabilities(self) -> Capabilities:
        """What the store does, and what Instill does above it."""
        return self._store.capabilities

    def rewrite(self) -> list[Copy]:
        """Leave nothing in the store of what was removed, nor earlier generations; see `instill.index.rewriting`."""
        with storage_errors(self.folder), self.alone():
            self._store.rewrite()
            copies = drop_earlier(self.folder, self.generation, self._settings)
            noted = self.folder / self.generation.name
            keep_notes(noted, [each.doc_id for each in self.records(doc_ids=sorted(removed_in(noted)))])
            return copies

    def damage(self) -> list[str]:
        """What is wrong with what is stored, a sentence each; all of it is read."""
        with self._reported():
            return self._store.damage()

    def drop(self) -> None:
        """Delete this generation, which is not the live one."""
        if self._pointer.live() == self.generation:
            raise WorkspaceError("The index that is in use is not deleted.", where=str(self.folder))
        self._store.drop()
        shutil.rmtree(self.folder / self.generation.name, ignore_errors=True)

    def close(self) -> None:
        """Release what the store holds open."""
        self._store.close()

    # -- generations -------------------------------------------------------------------------------------------

    def begin_generation(self, *, dimension: int, fingerprint: str) -> Index:
        """An empty index for another encoder beside this one; it is not live until `switch_generation`."""
        self._check_writable()
        with storage_errors(self.folder):
            successor = new_generation(self.folder, dimension, fingerprint, like=self.generation)
            create_store(self.folder, successor, self._settings)
        return Index(self.folder, successor, read_only=False, settings=self._settings)

    def switch_generation(self, successor: Index, copied: Mapping[str, DocumentRecord] | None = None) -> list[str]:
        """Make `successor` the live index if it holds what this one holds.

        Args:
            copied: the records that documents had here when they were copied, by doc_id.

        Returns:
            The doc_ids that `successor` lacks, has otherwise, or has too many; empty when it is live now.
            Bring them up to date (documents may have been added while re-encoding) and call again.
        """
        with self.alone():
            behind = lookup.differing(self._newest(), successor._newest(), copied or {})
            if not behind:
                self._pointer.make_live(successor.generation)
            return behind

    def replaced_by(self, successor: Index) -> list[Copy]:
        """Make `successor` live and delete all other generations; called with the write lock held.

        Returns those that were in another store, and those that could not be deleted; see `drop_earlier`.
        """
        self._pointer.make_live(successor.generation)
        self._store.drop()
        return drop_earlier(self.folder, successor.generation, self._settings)

    @property
    def is_lance(self) -> bool:
        """Whether the documents are in a Lance table, wherever that is."""
        return isinstance(self._store, LanceStore)

    @property
    def tables(self) -> Tables:
        """The Lance tables, for what only the Lance store has: repair and rewriting."""
        if not isinstance(self._store, LanceStore):
            raise WorkspaceError("The documents of this workspace are not in a Lance table.", where=str(self.folder))
        return self._store.tables

    _tables = tables

    # -- reading and locking -----------------------------------------------------------------------------------

    def _read(self, read: Callable[[View], Result]) -> Result:
        with self._reported():
            return self._store.reading(read)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """An error that comes from another process's having switched to another generation says so."""
        try:
            yield
        except DamagedIndex:
            raise
        except WorkspaceError:
            if self._pointer.live() == self.generation:
                raise
            raise self._rebuilt() from None

    def _rebuilt(self) -> WorkspaceError:
        return IndexRebuilt(
            "The index was made anew meanwhile: a document was forgotten, or all documents were encoded again.",
            where=str(self.folder),
            remedy="Run the command again.",
        )

    def _check_writable(self) -> None:
        if self.read_only:
            raise WorkspaceError("The index was opened read-only.", where=str(self.folder))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """This process and thread alone may commit; what is read inside stays true until the end.

        The lock is freed when the process dies. It may be taken again inside.

        Raises:
            WorkspaceError: another process keeps it too long, or switched to another generation.
        """
        self._check_writable()
        with write_lock(self._lock):
            live = self._pointer.live()
            if live is not None and live.name > self.generation.name:
                raise self._rebuilt()
            self._is_live = live == self.generation
            yield

    @contextmanager
    def _marked_alone(self) -> Iterator[None]:
        with self.alone():
            yield
            self._mark()


@contextmanager
def write_lock(lock: Lock) -> Iterator[None]:
    """Hold `lock`; a WorkspaceError when another process keeps it too long."""
    try:
        lock.acquire()
    except Timeout as error:
        raise WorkspaceError(
            "Another process has been writing to the index for too long.",
            where=str(getattr(lock, "lock_file", "")),
            remedy="Wait for it, or stop it, then run the command again.",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _create_index(folder: Path, dimension: int, fingerprint: str, settings: StoreSettings | None) -> Generation:
    pointer = pointer_of(folder, settings)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with (
            write_lock(FileLock(folder / "write.lock", timeout=_LOCK_TIMEOUT_S)),
            nullcontext() if pointer.lock is None else write_lock(pointer.lock),
        ):
            generation = pointer.live()  # another process may have been faster
            if generation is None:
                generation = named_in(settings, new_generation(folder, dimension, fingerprint))
                create_store(folder, generation, settings)
                pointer.make_live(generation)
            return generation
