"""`Index`: whole documents in, ranked passages out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from instill.encoders.protocol import Vectors
from instill.errors import DamagedIndex, EncoderMismatch, WorkspaceError
from instill.index import lookup, search, soundness, upkeep, writing
from instill.index.fusion import Fusion
from instill.index.generations import (
    Generation,
    live_generation,
    make_live,
    mark_live,
    new_generation,
    remove_old_generations,
)
from instill.index.lookup import StoredDocument, StoredPassage
from instill.index.removed import note_removed
from instill.index.tables import Result, Table, Tables, is_conflict, storage_errors
from instill.index.types import DocumentRecord, Hit, IndexedDocument, Keep, Put, SearchRequest, SearchResult
from instill.index.upkeep import Stats
from instill.index.visible import VisibleScorer
from instill.index.vocabulary import Vocabularies, Vocabulary

if TYPE_CHECKING:
    import pyarrow as pa

    from instill.index.sql_limits import SqlLimits

_LOCK_TIMEOUT_S = 120.0
_ATTEMPTS = 5


class Index:
    """The passages of a workspace with their vectors, in one Lance table under a folder.

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

    def __init__(self, folder: Path, generation: Generation, *, read_only: bool) -> None:
        """Use `Index.open`."""
        self.folder = folder
        self.generation = generation
        self.read_only = read_only
        self._tables = Tables(folder / generation.name)
        self._is_sound = self._is_live = False
        self._lock = FileLock(folder / "write.lock", timeout=_LOCK_TIMEOUT_S)
        self._scorer = VisibleScorer()
        self._vocabularies = Vocabularies()
        self._helper = ThreadPoolExecutor(max_workers=2, thread_name_prefix="instill-search")

    @classmethod
    def open(
        cls, folder: Path, *, dimension: int, fingerprint: str, create: bool = False, read_only: bool = False
    ) -> Index:
        """Open the index in `folder`, or make an empty one with `create`.

        Args:
            dimension: length of the encoder's vectors.
            fingerprint: the encoder's; stored with the index.
            read_only: never write, not even a lock file; every method that changes something raises.

        Raises:
            EncoderMismatch: the index was made with another encoder.
            WorkspaceError: there is no index and `create` is False, or it cannot be made or read.
        """
        generation = live_generation(folder)
        if generation is None:
            if not create or read_only:
                raise WorkspaceError(
                    "There is no index yet.", where=str(folder), remedy="Add something first: instill add PATH"
                )
            generation = _create_index(folder, dimension, fingerprint)
        if generation.fingerprint != fingerprint or generation.dimension != dimension:
            raise EncoderMismatch(
                "The index was made with another encoder than the settings name.",
                where=f"index: {generation.fingerprint}, settings: {fingerprint}",
                remedy="Run: instill reindex (re-encodes beside the old index, then switches over), "
                "or set the encoder back.",
            )
        return cls(folder, generation, read_only=read_only)

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
        self._change(lambda table: writing.put(table, documents, self.generation.dimension))

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
        return self._change(lambda table: writing.apply(table, changes, self.generation.dimension))

    def remove(self, doc_ids: Sequence[str]) -> int:
        """Take documents out, in one atomic commit; how many were there."""
        if not doc_ids:
            return 0
        self._check_writable()
        with storage_errors(self.folder):  # Noted first: a kill in between tells of too much, not of too little.
            note_removed(self.folder / self.generation.name, doc_ids)
        return self._change(lambda table: writing.remove(table, doc_ids))

    def rename(self, doc_id: str, *, source: str, title: str) -> None:
        """Record that a document moved; its vectors stay, its keywords follow the new name.

        Raises:
            UsageError: there is no such document.
        """
        self._change(lambda table: writing.rename(table, doc_id, source=source, title=title))

    def relabel(self, doc_id: str, labels: Sequence[str]) -> None:
        """Replace a document's labels. Raises UsageError when there is no such document."""
        self._change(lambda table: writing.relabel(table, doc_id, labels))

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
        return self._read(lambda table: lookup.records(table, sources, doc_ids, labels, where))

    def find_by_hash(self, content_hash: str) -> list[DocumentRecord]:
        """Documents with exactly these bytes, sorted by source."""
        return self._read(lambda table: lookup.find_by_hash(table, content_hash))

    def version(self) -> int:
        """A number that grows with every commit, anybody's."""
        return self._read(lambda table: int(table.version))

    def count(self, labels: Sequence[str] | None = None) -> tuple[int, int]:
        """How many documents and passages there are."""
        return self._read(lambda table: lookup.count(table, labels))

    def document_text(self, doc_id: str, labels: Sequence[str] | None = None) -> StoredDocument | None:
        """A document with its canonical text and structure; None when there is none that the caller may see."""
        return self._read(lambda table: lookup.document_text(table, doc_id, labels))

    def passages_of(self, doc_id: str, labels: Sequence[str] | None = None) -> list[StoredPassage]:
        """A document's passages in order; empty when there is none that the caller may see."""
        return self._read(lambda table: lookup.passages_of(table, doc_id, labels))

    def neighbours(
        self, doc_id: str, ordinal: int, before: int = 1, after: int = 1, labels: Sequence[str] | None = None
    ) -> list[StoredPassage]:
        """The passage `ordinal` with up to `before` ahead of it and `after` behind it, in order."""
        return self._read(
            lambda table: lookup.passages_of(table, doc_id, labels, first=ordinal - before, last=ordinal + after)
        )

    def require_known_fields(self, where: str, labels: Sequence[str] | None = None) -> None:
        """Refuse a filter that names a field which no document of the caller has.

        Raises:
            UsageError: names it, and lists those that there are; or `where` is not a filter.
        """
        from instill.index.known_fields import require_known

        self._read(lambda table: require_known(table, where, labels))

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
        return self._read(lambda table: search.search(table, request, vector, fusions, self._scorer, self._helper))

    def vocabulary(self, labels: Sequence[str] | None = None, where: str = "") -> Vocabulary:
        """The words of the passages that the caller sees, of those that the filter `where` lets through."""
        return self._read(lambda table: self._vocabularies.of(table, labels, where))

    def vectors_of(self, hits: Sequence[Hit]) -> Vectors:
        """float32 `(len(hits), dimension)`; a row of zeros where a passage has gone since."""
        return self._read(lambda table: lookup.vectors_of(table, hits, self.generation.dimension))

    def sql(
        self,
        query: str,
        labels: Sequence[str] | None = None,
        *,
        query_vector: Vectors | None = None,
        limits: SqlLimits | None = None,
    ) -> pa.Table:
        """One read-only SELECT over the views `documents` and `passages` (see `instill.index.sql`).

        Args:
            labels: rows that this caller may not see are not even loaded.
            query_vector: float32 `(dimension,)`; gives `passages` the column `similarity`, the cosine with it.

        Raises:
            UsageError: it is not one SELECT, DuckDB refuses it, or it takes or gives more than `limits` allow.
        """
        from instill.index import sql
        from instill.index.sql_limits import SqlLimits

        return self._read(
            lambda table: sql.run(table, query, labels=labels, query_vector=query_vector, limits=limits or SqlLimits())
        )

    # -- upkeep ------------------------------------------------------------------------------------------------

    def needs_upkeep(self) -> bool:
        """Whether so much was changed that searching has become slower than it need be."""
        return self._read(upkeep.is_due)

    def upkeep(self, *, progress: Callable[[str], None] | None = None, force: bool = False) -> None:
        """Bring the search indices up to date, compact, delete tombstones, clean old versions and generations.

        Searching goes on meanwhile. It may be killed at any moment and is then simply done again. Does nothing when
        another process is at it or when `needs_upkeep()` is False, unless `force`.
        """
        self._check_writable()
        with storage_errors(self.folder):
            if upkeep.run(self._tables, self.folder, self._change, progress=progress, force=force):
                with self.alone():
                    self._sound(self._tables.snapshot())
                    soundness.note(self.folder / self.generation.name, self._tables.newest_version())
            remove_old_generations(self.folder)

    def stats(self) -> Stats:
        """Sizes, for `status` and `doctor`."""
        return self._read(lambda table: upkeep.stats(table, self.folder / self.generation.name))

    # -- generations -------------------------------------------------------------------------------------------

    def begin_generation(self, *, dimension: int, fingerprint: str) -> Index:
        """An empty index for another encoder beside this one; it is not live until `switch_generation`."""
        self._check_writable()
        with storage_errors(self.folder):
            generation = new_generation(self.folder, dimension, fingerprint)
            upkeep.create_table(self.folder / generation.name, dimension)
        return Index(self.folder, generation, read_only=False)

    def switch_generation(self, successor: Index, copied: Mapping[str, DocumentRecord] | None = None) -> list[str]:
        """Make `successor` the live index if it holds what this one holds.

        Args:
            copied: the records that documents had here when they were copied, by doc_id.

        Returns:
            The doc_ids that `successor` lacks, has otherwise, or has too many; empty when it is live now.
            Bring them up to date (documents may have been added while re-encoding) and call again.
        """
        with self.alone():
            behind = lookup.differing(self._tables.snapshot(), successor._tables.snapshot(), copied or {})
            if not behind:
                make_live(self.folder, successor.generation)
            return behind

    # -- reading and locking -----------------------------------------------------------------------------------

    def _read(self, read: Callable[[Table], Result]) -> Result:
        try:
            return self._tables.reading(lambda table: read(self._sound(table)))
        except DamagedIndex:
            raise
        except WorkspaceError:
            if live_generation(self.folder) == self.generation:
                raise
            raise self._rebuilt() from None

    def _sound(self, table: Table) -> Table:
        """The table; once an index, it is made sure that it is whole."""
        if not self._is_sound:
            folder = self.folder / self.generation.name
            soundness.require(table, folder, self._tables.newest_version, note_it=not self.read_only)
            self._is_sound = True
        return table

    def _rebuilt(self) -> WorkspaceError:
        return WorkspaceError(
            "The index was rebuilt by another process.", where=str(self.folder), remedy="Run the command again."
        )

    def _check_writable(self) -> None:
        if self.read_only:
            raise WorkspaceError("The index was opened read-only.", where=str(self.folder))

    def _change(self, change: Callable[[Table], Result]) -> Result:
        """Make one commit. It is tried again when upkeep, which takes no write lock, committed in between."""
        for attempt in range(_ATTEMPTS):
            try:
                with self.alone():
                    return self._committed(self._tables.writable(), change)
            except (OSError, RuntimeError, ValueError) as error:
                if not is_conflict(error) or attempt == _ATTEMPTS - 1:
                    with storage_errors(self.folder):
                        raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _committed(self, table: Table, change: Callable[[Table], Result]) -> Result:
        folder = self.folder / self.generation.name
        if soundness.noted_version(folder) != table.version:
            soundness.without_old_tombstones(table)
        result = change(self._sound(table))
        soundness.note(folder, int(table.version))
        if self._is_live:
            mark_live(self.folder, self.generation)
        return result

    @contextmanager
    def alone(self) -> Iterator[None]:
        """This process and thread alone may commit; what is read inside stays true until the end.

        The lock is freed when the process dies. It may be taken again inside.

        Raises:
            WorkspaceError: another process keeps it too long, or switched to another generation.
        """
        self._check_writable()
        with write_lock(self._lock):
            live = live_generation(self.folder)
            if live is not None and live.name > self.generation.name:
                raise self._rebuilt()
            self._is_live = live == self.generation
            yield


@contextmanager
def write_lock(lock: FileLock) -> Iterator[None]:
    """Hold `lock`; a WorkspaceError when another process keeps it too long."""
    try:
        lock.acquire()
    except Timeout as error:
        raise WorkspaceError(
            "Another process has been writing to the index for too long.",
            where=str(lock.lock_file),
            remedy="Wait for it, or stop it, then run the command again.",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _create_index(folder: Path, dimension: int, fingerprint: str) -> Generation:
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with write_lock(FileLock(folder / "write.lock", timeout=_LOCK_TIMEOUT_S)):
            generation = live_generation(folder)  # another process may have been faster
            if generation is None:
                generation = new_generation(folder, dimension, fingerprint)
                upkeep.create_table(folder / generation.name, dimension)
                make_live(folder, generation)
            return generation
