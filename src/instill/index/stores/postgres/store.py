"""What changes the tables of PostgreSQL, each in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from instill.index.keywords import name_of, words
from instill.index.protocol import Capabilities, Result, Stats
from instill.index.stores.integrity_check import damage_in
from instill.index.stores.postgres import vector_graph
from instill.index.stores.postgres.connections import Database
from instill.index.stores.postgres.keyword_search import vector_of
from instill.index.stores.postgres.snapshot import PostgresView, Shared
from instill.index.stores.row_texts import body_of, document_body, passage_body, plain, record_body, record_of_document
from instill.index.stores.sqlite_mirror import keywords_in
from instill.index.stores.tokens import Cutter
from instill.index.types import DocumentRecord, IndexedDocument, Keep

_COLUMNS = (
    "doc_id, source, name, kind, title, content_hash, size, modified, added, labels, metadata, passage_count, record"
)


class PostgresStore:
    """See `instill.index.protocol.Store`."""

    capabilities = Capabilities(
        sharing="machines",
        left="The server's write-ahead log, replicas, snapshots and backups may hold removed rows for a while.",
    )

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cutter = Cutter()
        self._shared = Shared(database, self._cutter)

    # -- reading -----------------------------------------------------------------------------------------------

    def reading(self, read: Callable[[PostgresView], Result]) -> Result:
        with self._database.reading() as connection:
            return read(PostgresView(self._shared, connection))

    def newest(self) -> PostgresView:
        """Each call of its methods sees the newest state."""
        return PostgresView(self._shared, None)

    # -- changing ----------------------------------------------------------------------------------------------

    def put(self, documents: Sequence[IndexedDocument], kept: Sequence[Keep]) -> None:
        unique = {entry.document.doc_id: entry for entry in documents}
        with self._database.writing() as connection:
            added = dict(
                connection.execute(
                    f"DELETE FROM {self._names.documents} WHERE doc_id = ANY(%s) RETURNING doc_id, added",
                    [list(unique)],
                ).fetchall()
            )
            numbers = self._insert_documents(connection, list(unique.values()), added)
            self._insert_passages(connection, list(unique.values()), numbers)
            for change in kept:
                self._keep(connection, change)
            self._published(connection)

    def remove(self, doc_ids: Sequence[str]) -> int:
        with self._database.writing() as connection:
            found = connection.execute(
                f"DELETE FROM {self._names.documents} WHERE doc_id = ANY(%s)",
                [[_clean(doc_id) for doc_id in doc_ids]],
            )
            if found.rowcount:
                self._published(connection)
        return int(found.rowcount)

    def _insert_documents(
        self, connection: Any, entries: Sequence[IndexedDocument], added: dict[str, str]
    ) -> dict[str, tuple[int, DocumentRecord]]:
        now, numbers = _now(), dict[str, tuple[int, DocumentRecord]]()
        for entry in entries:
            doc_id = entry.document.doc_id
            record = record_of_document(entry, added.get(doc_id, entry.added or now))
            marks = ", ".join(["%s"] * 14)
            [(number,)] = connection.execute(
                f"INSERT INTO {self._names.documents} ({_COLUMNS}, body) VALUES ({marks}) RETURNING number",
                [*_columns(record), document_body(entry.document)],
            ).fetchall()
            numbers[doc_id] = (number, record)
        return numbers

    def _insert_passages(
        self, connection: Any, entries: Sequence[IndexedDocument], numbers: dict[str, tuple[int, DocumentRecord]]
    ) -> None:
        if not entries:
            return
        columns = "number, ordinal, headings, page, length, tokens, body, vector"
        with connection.cursor() as cursor, cursor.copy(f"COPY {self._names.passages} ({columns}) FROM STDIN") as copy:
            for entry in entries:
                number, record = numbers[entry.document.doc_id]
                for passage, vector in zip(entry.passages, entry.vectors, strict=True):
                    text = keywords_in(record.source, record.title, passage)
                    copy.write_row(
                        (
                            number, passage.ordinal, _clean(passage.headings), passage.page, len(words(text)),
                            vector_of(self._cutter, text), passage_body(passage, record),
                            f"[{','.join(map(str, vector.tolist()))}]",
                        )
                    )  # fmt: skip

    def _keep(self, connection: Any, change: Keep) -> None:
        """Another name or other labels: of the passages only the words change."""
        labels = tuple(sorted(set(change.labels)))
        record = replace(change.known, source=change.source, title=change.title, labels=labels)
        marks = ", ".join(f"{name} = %s" for name in _COLUMNS.split(", "))
        connection.execute(
            f"UPDATE {self._names.documents} SET {marks} WHERE doc_id = %s",
            [*_columns(record), change.doc_id],
        )
        if (change.source, change.title) == (change.known.source, change.known.title):
            return
        rows = connection.execute(
            f"SELECT p.id, p.body FROM {self._names.passages} AS p JOIN {self._names.documents} AS d USING (number) "
            "WHERE d.doc_id = %s",
            [change.doc_id],
        ).fetchall()
        for row, written in rows:
            passage = body_of(written).passage
            text = keywords_in(record.source, record.title, passage)
            connection.execute(
                f"UPDATE {self._names.passages} SET tokens = %s::tsvector, length = %s, body = %s WHERE id = %s",
                [vector_of(self._cutter, text), len(words(text)), passage_body(passage, record), row],
            )

    def _published(self, connection: Any) -> None:
        connection.execute(f"UPDATE {self._names.about} SET version = version + 1")

    # -- upkeep ------------------------------------------------------------------------------------------------

    def needs_upkeep(self) -> bool:
        """PostgreSQL sees to its tables and indices itself; a graph is made once there are many passages."""
        with self._database.outside() as connection:
            return vector_graph.is_wanted(connection, self._names, self._database.place.dimension)

    def upkeep(
        self,
        alone: Callable[[], AbstractContextManager[None]],  # noqa: ARG002 - the server keeps order itself
        *,
        progress: Callable[[str], None] | None = None,
        force: bool = False,
    ) -> None:
        with self._database.outside() as connection:
            if vector_graph.is_wanted(connection, self._names, self._database.place.dimension):
                if progress is not None:
                    progress("building the vector index")
                vector_graph.make(connection, self._names)
            if force:
                connection.execute(f"VACUUM (ANALYZE) {self._names.documents}, {self._names.passages}")

    def rewrite(self) -> None:
        with self._database.outside() as connection:
            connection.execute(f"VACUUM (FULL, ANALYZE) {self._names.documents}, {self._names.passages}")

    def damage(self) -> list[str]:
        return self.reading(damage_in)

    def stats(self) -> Stats:
        names = self._names
        with self._database.reading() as connection:
            [(rows, size)] = connection.execute(
                f"SELECT (SELECT count(*) FROM {names.passages}), "
                f"pg_total_relation_size('{names.passages}') + pg_total_relation_size('{names.documents}')"
            ).fetchall()
            has_graph = vector_graph.is_there(connection, self._names)
        return Stats(int(rows), 0, 1, int(size), vector_index=has_graph)

    def drop(self) -> None:
        with self._database.writing() as connection:
            names = self._names
            connection.execute(f"DROP TABLE IF EXISTS {names.passages}, {names.documents}, {names.about}")
        self.close()

    def close(self) -> None:
        self._database.close()

    @property
    def _names(self) -> Any:
        return self._database.names


def _columns(record: DocumentRecord) -> list[object]:
    """Values for `_COLUMNS`. What filters compare cannot hold a NUL; the record, which is shown, is as it was."""
    metadata = {key: _clean(value) if isinstance(value, str) else value for key, value in record.metadata.items()}
    return [
        record.doc_id, _clean(record.source), _clean(name_of(record.source)), record.kind, _clean(record.title),
        record.content_hash, record.size, record.modified, record.added, [_clean(label) for label in record.labels],
        json.dumps(metadata, ensure_ascii=False), record.passage_count, record_body(record),
    ]  # fmt: skip


def _clean(text: str) -> str:
    return plain(text).replace("\x00", "")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
