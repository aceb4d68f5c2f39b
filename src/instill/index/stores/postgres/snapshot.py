"""One state of the tables of PostgreSQL, as `instill.index.protocol.View`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from instill.index.filters import parsed
from instill.index.labels import held_of
from instill.index.lookup import StoredDocument, StoredPassage
from instill.index.protocol import HasKey, Keys, Scored, Wanted
from instill.index.schema import key_of
from instill.index.sql_quoting import both, is_one_of
from instill.index.stores.collection import LIVE, Row
from instill.index.stores.columns import columns_of, narrow_columns_of
from instill.index.stores.postgres.connections import Database
from instill.index.stores.postgres.keyword_search import Counts, asked_in, matching, scores
from instill.index.stores.postgres.postgres_filters import PostgresDialect, array_literal
from instill.index.stores.row_texts import body_of, record_from, stored_of, with_record
from instill.index.stores.sqlite_mirror import keywords_in
from instill.index.stores.tokens import Cutter
from instill.index.types import DocumentRecord
from instill.models.encoders.protocol import Vectors

if TYPE_CHECKING:
    import pyarrow as pa

_LONGEST_QUERY = 10_000
_DOCUMENTS_AT_ONCE = 50
_LEAST_EF = 400
_MOST_EF = 1000

_BY_UNICODE = ("und-x-icu", "C.utf8", "en_US.utf8")
"""Collations that know which letters are the same in another case, the best first; a server may have none of them."""


class Shared:
    """What all views of one store have in common."""

    def __init__(self, database: Database, cutter: Cutter) -> None:
        self.database, self.cutter, self.counts = database, cutter, Counts()

    @cached_property
    def dialect(self) -> PostgresDialect:
        """By Unicode's letters, where the server has them."""
        with self.database.outside() as connection:
            found = {name for (name,) in connection.execute("SELECT collname FROM pg_collation").fetchall()}
        return PostgresDialect(next((name for name in _BY_UNICODE if name in found), ""))

    @cached_property
    def filters_while_walking(self) -> bool:
        """Whether the graph is walked on until enough rows meet a condition (pgvector 0.8)."""
        with self.database.outside() as connection:
            [(version,)] = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchall()
        return tuple(int(part) for part in version.split(".")[:2]) >= (0, 8)


class PostgresView:
    """Args:
    connection: in a transaction that sees one state; None: every method sees the newest.
    """

    def __init__(self, shared: Shared, connection: Any) -> None:
        self._shared = shared
        self._connection = connection
        self.dimension = shared.database.place.dimension

    @cached_property
    def version(self) -> int:
        [(version,)] = self._rows(f"SELECT version FROM {self._names.about}")
        return int(version)

    # -- documents ---------------------------------------------------------------------------------------------

    def records(
        self, sources: Sequence[str] | None, doc_ids: Sequence[str] | None, labels: Sequence[str] | None, where: str
    ) -> list[DocumentRecord]:
        return [
            replace(record, labels=held_of(record.labels, labels))
            for record in self._records(sources, doc_ids, labels, where)
        ]

    def find_by_hash(self, content_hash: str) -> list[DocumentRecord]:
        return self._read_records(is_one_of("content_hash", [content_hash]))

    def count(self, labels: Sequence[str] | None) -> tuple[int, int]:
        query = "SELECT count(*), coalesce(sum(passage_count), 0)"
        [(documents, passages)] = self._rows(f"{query} FROM {self._names.documents} AS d WHERE {_visible(labels)}")
        return int(documents), int(passages)

    def document_texts(self, doc_ids: Sequence[str], labels: Sequence[str] | None) -> dict[str, StoredDocument]:
        condition = both(is_one_of("doc_id", doc_ids), _visible(labels))
        found: dict[str, StoredDocument] = {}
        for kept, body in self._rows(f"SELECT record, body FROM {self._names.documents} AS d WHERE {condition}"):
            record = record_from(kept)
            found[record.doc_id] = stored_of(replace(record, labels=held_of(record.labels, labels)), body)
        return found

    def passages_of(
        self, doc_id: str, labels: Sequence[str] | None, *, first: int = 0, last: int | None = None
    ) -> list[StoredPassage]:
        until = "" if last is None else f"p.ordinal <= {int(last)}"
        condition = both(is_one_of("d.doc_id", [doc_id]), _visible(labels), f"p.ordinal >= {max(0, int(first))}", until)
        return [body_of(body).passage for (body,) in self._passages("p.body", condition, "ORDER BY p.ordinal")]

    def metadata_keys(self, labels: Sequence[str] | None) -> list[str]:
        return sorted({key for record in self._records(None, None, labels, "") for key in record.metadata})

    def has_key(self, key: str, labels: Sequence[str] | None) -> bool:
        condition = both(_visible(labels), f"{self._shared.dialect.metadata(key)} IS NOT NULL")
        return bool(self._rows(f"SELECT 1 FROM {self._names.documents} AS d WHERE {condition} LIMIT 1"))

    # -- searching ---------------------------------------------------------------------------------------------

    def nearest(self, vector: Vectors, wanted: Wanted, pool: int) -> tuple[Scored, Keys]:
        condition = self._condition(wanted)
        is_exact = bool(wanted != Wanted()) and not self._shared.filters_while_walking
        found = self._nearest(vector, condition, pool, is_exact=is_exact)
        if len(found) < pool and not is_exact:  # a graph may end too early
            found = self._nearest(vector, condition, pool, is_exact=True)
        cosines = {int(row): float(cosine) for row, _, _, cosine in found}
        return cosines, {int(row): key_of(doc_id, ordinal) for row, doc_id, ordinal, _ in found}

    def _nearest(self, vector: Vectors, condition: str, pool: int, *, is_exact: bool) -> list[Any]:
        constant = f"'[{','.join(map(str, vector.tolist()))}]'::vector"
        names = self._names
        with self._connected() as connection, connection.transaction():
            if is_exact:
                connection.execute("SET LOCAL enable_indexscan = off")
            else:
                connection.execute(f"SET LOCAL hnsw.ef_search = {min(_MOST_EF, max(_LEAST_EF, 2 * pool))}")
                if self._shared.filters_while_walking:
                    connection.execute("SET LOCAL hnsw.iterative_scan = strict_order")
            rows = connection.execute(
                f"SELECT p.id, d.doc_id, p.ordinal, 1 - (p.vector <=> {constant}) "
                f"FROM {names.passages} AS p JOIN {names.documents} AS d USING (number) WHERE {condition} "
                f"ORDER BY p.vector <=> {constant} LIMIT {int(pool)}"
            ).fetchall()
            connection.execute("SET LOCAL enable_indexscan = on")
        return list(rows)

    def matching(self, query: str, wanted: Wanted, pool: int) -> tuple[Scored, Scored | None]:
        asked = asked_in(self._shared.cutter, query[:_LONGEST_QUERY])
        with self._connected() as connection:
            counts = self._counts(connection, wanted.labels, asked)
            found, whole = matching(connection, self._names, counts, asked, self._condition(wanted))
        best = {row: found[row] for row in sorted(found, key=lambda row: (-found[row], row))[:pool]}
        return best, found if whole else None

    def cosines(self, vector: Vectors, rows: set[int]) -> Scored:
        found = self._vectors(sorted(rows))
        return {row: float(own @ vector) for row, own in found.items()}

    def keyword_scores(self, query: str, labels: tuple[str, ...] | None, rows: Keys) -> Scored:
        asked = asked_in(self._shared.cutter, query[:_LONGEST_QUERY])
        with self._connected() as connection:
            counts = self._counts(connection, labels, asked)
            return scores(connection, self._names, counts, asked, rows)

    def fields(self, rows: Sequence[int], labels: Sequence[str] | None) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        if not rows:
            return found
        condition = f"p.id IN ({', '.join(str(int(row)) for row in rows)})"
        for row, body, written in self._passages("p.id, p.body, d.record", condition):
            passage, record = body_of(body).passage, record_from(written)
            found[int(row)] = {
                **{name: getattr(passage, name) for name in _SHOWN},
                **{name: getattr(record, name) for name in ("doc_id", "source", "kind", "title", "metadata")},
                "labels": held_of(record.labels, labels),
            }
        return found

    def vectors_of(self, passages: Sequence[HasKey]) -> Vectors:
        vectors = np.zeros((len(passages), self.dimension), dtype=np.float32)
        condition = is_one_of("d.doc_id", {each.doc_id for each in passages})
        found = self._passages("d.doc_id, p.ordinal, p.id", condition)
        rows = {(doc_id, ordinal): row for doc_id, ordinal, row in found}
        wanted = [rows.get((each.doc_id, each.ordinal)) for each in passages]
        known = self._vectors([row for row in wanted if row is not None])
        for at, row in enumerate(wanted):
            if row is not None:
                vectors[at] = known[row]
        return vectors

    # -- reading all -------------------------------------------------------------------------------------------

    def texts(self, labels: Sequence[str] | None, where: str, most: int) -> list[str]:
        condition = self._condition(Wanted(None if labels is None else tuple(labels), where))
        found = self._passages("p.id, p.length", condition, "ORDER BY p.id")
        total = sum(length for _, length in found)
        chosen = [row for row, _ in found][:: max(1, -(-total // most))] if total > most else [row for row, _ in found]
        texts = []
        for start in range(0, len(chosen), 1000):
            ids = ", ".join(map(str, chosen[start : start + 1000]))
            bodies = self._passages("p.body, d.source, d.title", f"p.id IN ({ids})", "ORDER BY p.id")
            texts += [keywords_in(source, title, body_of(body).passage) for body, source, title in bodies]
        return texts

    def batches(
        self, table: Literal["documents", "passages"], columns: Sequence[str], labels: Sequence[str] | None
    ) -> Iterator[pa.RecordBatch]:
        records = self._records(None, None, labels, "")
        for start in range(0, len(records), _DOCUMENTS_AT_ONCE):
            chosen = records[start : start + _DOCUMENTS_AT_ONCE]
            narrow = narrow_columns_of(chosen, columns) if table == "documents" else None
            yield narrow if narrow is not None else self._wide(table, chosen, columns)

    def _wide(
        self, table: Literal["documents", "passages"], records: Sequence[DocumentRecord], columns: Sequence[str]
    ) -> pa.RecordBatch:
        has_text = bool({"document", "structure"} & set(columns))
        parts = {}
        by_id = is_one_of("d.doc_id", [record.doc_id for record in records])
        if has_text:
            parts = dict(self._rows(f"SELECT number, body FROM {self._names.documents} AS d WHERE {by_id}"))
        vector = ", p.vector::real[]" if "vector" in columns else ""
        rows = []
        for number, row, ordinal, written, record, *own in self._passages(
            f"p.number, p.id, p.ordinal, p.body, d.record{vector}", by_id, "ORDER BY p.number, p.ordinal"
        ):
            body = with_record(written, record) if ordinal == 0 else written
            part = parts.get(number, "") if ordinal == 0 else ""
            rows.append(Row(row, number, 1, LIVE, (), body, part, np.array(own[0], dtype=np.float32) if own else None))
        return columns_of(table, records, rows, columns, self.dimension)

    # -- the tables --------------------------------------------------------------------------------------------

    @property
    def _names(self) -> Any:
        return self._shared.database.names

    def _counts(self, connection: Any, labels: Sequence[str] | None, asked: Any) -> Any:
        return self._shared.counts.of(connection, self._names, self.version, labels, _visible(labels), asked)

    def _condition(self, wanted: Wanted) -> str:
        named = (("d.doc_id", wanted.documents), ("d.title", wanted.titles))
        within = " OR ".join(is_one_of(column, values) for column, values in named if values)
        return both(_visible(wanted.labels), parsed(wanted.where, self._shared.dialect).sql, within)

    def _records(
        self, sources: Sequence[str] | None, doc_ids: Sequence[str] | None, labels: Sequence[str] | None, where: str
    ) -> list[DocumentRecord]:
        condition = parsed(where, self._shared.dialect)
        met = condition.sql
        if condition.of_passages:
            met = f"EXISTS(SELECT 1 FROM {self._names.passages} AS p WHERE p.number = d.number AND {met})"
        by_source = "" if sources is None else is_one_of("source", sources)
        by_id = "" if doc_ids is None else is_one_of("doc_id", doc_ids)
        return self._read_records(both(by_source, by_id, _visible(labels), met))

    def _read_records(self, condition: str) -> list[DocumentRecord]:
        found = self._rows(f"SELECT record FROM {self._names.documents} AS d WHERE {condition}")
        return sorted((record_from(row[0]) for row in found), key=lambda record: (record.source, record.doc_id))

    def _vectors(self, rows: Sequence[int]) -> dict[int, Vectors]:
        if not rows:
            return {}
        ids = ", ".join(str(int(row)) for row in rows)
        found = self._rows(f"SELECT id, vector::real[] FROM {self._names.passages} WHERE id IN ({ids})")
        return {int(row): np.array(vector, dtype=np.float32) for row, vector in found}

    def _passages(self, columns: str, condition: str, order: str = "") -> list[Any]:
        names = self._names
        return self._rows(
            f"SELECT {columns} FROM {names.passages} AS p JOIN {names.documents} AS d USING (number) "
            f"WHERE {condition} {order}"
        )

    def _rows(self, query: str) -> list[Any]:
        with self._connected() as connection:
            return list(connection.execute(query).fetchall())

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        if self._connection is not None:
            yield self._connection
        else:
            with self._shared.database.outside() as connection:
                yield connection


_SHOWN = (
    "ordinal", "start", "end", "text", "headings", "page", "last_page", "table_head", "table_head_start",
)  # fmt: skip


def _visible(labels: Sequence[str] | None) -> str:
    return "true" if labels is None else f"d.labels && {array_literal(list(labels))}"
