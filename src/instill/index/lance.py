"""The Lance store: one table in a folder, read without a lock; the store that is used unless another one is chosen."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from instill.index import keyword_and_vector_search, lookup, soundness, upkeep, writing
from instill.index.bm25_for_caller import VisibleScorer
from instill.index.filtered_rows import Sieve
from instill.index.filters import compiled
from instill.index.known_documents import KnownDocuments
from instill.index.known_fields import has_key, metadata_keys
from instill.index.labels import visible
from instill.index.lance_tables import Table, Tables, is_conflict
from instill.index.lookup import StoredDocument, StoredPassage
from instill.index.protocol import Capabilities, HasKey, Keys, Result, Scored, Stats, Wanted
from instill.index.schema import CURRENT, FIRST
from instill.index.sql_quoting import both, is_one_of
from instill.index.types import DocumentRecord, IndexedDocument, Keep
from instill.index.vocabulary import texts_of
from instill.models.encoders.protocol import Vectors

if TYPE_CHECKING:
    import pyarrow as pa

_ATTEMPTS = 5


class LanceView:
    """One version of the table; see `instill.index.protocol.View`."""

    def __init__(self, table: Table, scorer: VisibleScorer, dimension: int, documents: KnownDocuments) -> None:
        self._table = table
        self._scorer = scorer
        self._documents = documents
        self.dimension = dimension
        self.version = int(table.version)

    def records(
        self, sources: Sequence[str] | None, doc_ids: Sequence[str] | None, labels: Sequence[str] | None, where: str
    ) -> list[DocumentRecord]:
        return lookup.records(self._table, sources, doc_ids, labels, where)

    def find_by_hash(self, content_hash: str) -> list[DocumentRecord]:
        return lookup.find_by_hash(self._table, content_hash)

    def count(self, labels: Sequence[str] | None) -> tuple[int, int]:
        return lookup.count(self._table, labels)

    def document_texts(self, doc_ids: Sequence[str], labels: Sequence[str] | None) -> dict[str, StoredDocument]:
        return self._documents.of(
            self.version, doc_ids, labels, lambda new: lookup.document_texts(self._table, new, labels)
        )

    def passages_of(
        self, doc_id: str, labels: Sequence[str] | None, *, first: int = 0, last: int | None = None
    ) -> list[StoredPassage]:
        return lookup.passages_of(self._table, doc_id, labels, first=first, last=last)

    def metadata_keys(self, labels: Sequence[str] | None) -> list[str]:
        return metadata_keys(self._table, labels)

    def has_key(self, key: str, labels: Sequence[str] | None) -> bool:
        return has_key(self._table, key, labels)

    def nearest(self, vector: Vectors, wanted: Wanted, pool: int) -> tuple[Scored, Keys]:
        return keyword_and_vector_search.vector_leg(self._table, vector, _condition(wanted), pool, self._sieve(wanted))

    def matching(self, query: str, wanted: Wanted, pool: int) -> tuple[Scored, Scored | None]:
        return keyword_and_vector_search.matching(
            self._table, query, wanted.labels, _condition(wanted), pool, self._scorer, self._sieve(wanted)
        )

    def _sieve(self, wanted: Wanted) -> Sieve | None:
        """None also among named documents: few rows pass, and another question names others."""
        if wanted.documents or wanted.titles:
            return None
        return self._scorer.sieves.of(self._table, _condition(wanted))

    def cosines(self, vector: Vectors, rows: set[int]) -> Scored:
        return keyword_and_vector_search.missing_cosines(self._table, vector, rows)

    def keyword_scores(self, query: str, labels: tuple[str, ...] | None, rows: Keys) -> Scored:
        return keyword_and_vector_search.missing_keyword_scores(self._table, query, labels, self._scorer, rows)

    def fields(self, rows: Sequence[int], labels: Sequence[str] | None) -> dict[int, dict[str, Any]]:
        return keyword_and_vector_search.fields_of(self._table, rows, labels)

    def vectors_of(self, passages: Sequence[HasKey]) -> Vectors:
        return lookup.vectors_of(self._table, passages, self.dimension)

    def texts(self, labels: Sequence[str] | None, where: str, most: int) -> list[str]:
        return texts_of(self._table, both(visible(labels), CURRENT, compiled(where)), most)

    def batches(
        self, table: Literal["documents", "passages"], columns: Sequence[str], labels: Sequence[str] | None
    ) -> Iterator[pa.RecordBatch]:
        condition = both(FIRST if table == "documents" else CURRENT, visible(labels))
        columns = [name for name in columns if name in self._table.schema.names]  # an older table lacks some
        found: Iterator[pa.RecordBatch] = (
            self._table.search().where(condition).select(list(columns)).limit(None).to_batches()
        )
        return found


def _condition(wanted: Wanted) -> str:
    named = (("doc_id", wanted.documents), ("title", wanted.titles))
    within = " OR ".join(is_one_of(column, values) for column, values in named if values)
    return both(visible(wanted.labels), compiled(wanted.where), within)


class LanceStore:
    """The table in a generation's folder; see `instill.index.protocol.Store`."""

    capabilities = Capabilities()

    def __init__(self, folder: Path, *, dimension: int, read_only: bool, tables: Tables | None = None) -> None:
        self.folder = folder
        self.tables = tables or Tables(folder)
        self._dimension = dimension
        self._read_only = read_only
        self._is_sound = False
        self._scorer = VisibleScorer()
        self._documents = KnownDocuments()

    # -- reading -----------------------------------------------------------------------------------------------

    def reading(self, read: Callable[[LanceView], Result]) -> Result:
        return self.tables.reading(lambda table: read(self._view(self._sound(table))))

    def newest(self) -> LanceView:
        return self._view(self._sound(self.tables.snapshot()))

    def _view(self, table: Table) -> LanceView:
        return LanceView(table, self._scorer, self._dimension, self._documents)

    def _sound(self, table: Table) -> Table:
        """The table; once a store, it is made sure that it is whole."""
        if not self._is_sound:
            soundness.require(table, self.folder, self.tables.newest_version, note_it=not self._read_only)
            self._is_sound = True
        return table

    # -- changing ----------------------------------------------------------------------------------------------

    def put(self, documents: Sequence[IndexedDocument], kept: Sequence[Keep]) -> None:
        self._change(lambda table: writing.put(table, documents, self._dimension, kept=kept))

    def remove(self, doc_ids: Sequence[str]) -> int:
        return self._change(lambda table: writing.remove(table, doc_ids))

    def _change(
        self,
        change: Callable[[Table], Result],
        alone: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Result:
        """Make one commit. It is tried again when upkeep, which takes no write lock, committed in between."""
        for attempt in range(_ATTEMPTS):
            try:
                with alone():
                    return self._committed(self.tables.writable(), change)
            except (OSError, RuntimeError, ValueError) as error:
                if not is_conflict(error) or attempt == _ATTEMPTS - 1:
                    with self.tables.errors():
                        raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _committed(self, table: Table, change: Callable[[Table], Result]) -> Result:
        if soundness.noted_version(self.folder) != table.version:
            soundness.without_old_tombstones(table)
        result = change(self._sound(table))
        soundness.note(self.folder, int(table.version))
        return result

    # -- upkeep ------------------------------------------------------------------------------------------------

    def needs_upkeep(self) -> bool:
        return self.tables.reading(lambda table: upkeep.is_due(self._sound(table)))

    def upkeep(
        self,
        alone: Callable[[], AbstractContextManager[None]],
        *,
        progress: Callable[[str], None] | None = None,
        force: bool = False,
    ) -> None:
        self._upkeep(alone, progress=progress, force=force, graph=True)

    def upkeep_but_graph(
        self, alone: Callable[[], AbstractContextManager[None]], *, progress: Callable[[str], None] | None = None
    ) -> None:
        self._upkeep(alone, progress=progress, force=False, graph=False)

    def _upkeep(
        self,
        alone: Callable[[], AbstractContextManager[None]],
        *,
        progress: Callable[[str], None] | None,
        force: bool,
        graph: bool,
    ) -> None:
        done = upkeep.run(
            self.tables,
            self.folder.parent,
            lambda change: self._change(change, alone),
            progress=progress,
            force=force,
            graph=graph,
        )
        if done:
            with alone():
                self._sound(self.tables.snapshot())
                soundness.note(self.folder, self.tables.newest_version())

    def rewrite(self) -> None:
        """Nothing: `instill.index.rewriting` copies into a new generation, since a deleted row stays in its file."""

    def damage(self) -> list[str]:
        table = self.tables.snapshot()
        return [*soundness.unreadable_files(table), *soundness.look(table).sentences()]

    def stats(self) -> Stats:
        return self.tables.reading(lambda table: upkeep.stats(self._sound(table), self.folder))

    def drop(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Nothing is held open."""
