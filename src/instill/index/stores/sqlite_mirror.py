"""What is asked all the time of a store that is a plain collection, kept in the workspace: a file of SQLite.

It holds the records of documents, the places and lengths of passages, and which passage holds which word how often,
by version; no texts and no vectors. All of it follows from the rows of the collection: a mirror that is behind reads
what was changed since, and one that is lost or too old is made anew.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from instill.documents.document import Passage
from instill.documents.table_heads import under_head
from instill.index.keywords import keywords_of, name_of, words
from instill.index.stores.collection import LIVE, Row
from instill.index.stores.row_texts import body_of
from instill.index.stores.sqlite_filters import with_functions
from instill.index.types import DocumentRecord

_FORMAT = "1"
_TIMEOUT_S = 120.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about(name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS documents(
    number INTEGER PRIMARY KEY, doc_id TEXT, source TEXT, name TEXT, kind TEXT, title TEXT, content_hash TEXT,
    size INTEGER, modified TEXT, added TEXT, labels TEXT, metadata TEXT, passage_count INTEGER, passage_identity TEXT,
    born INTEGER, died INTEGER);
CREATE INDEX IF NOT EXISTS documents_id ON documents(doc_id);
CREATE INDEX IF NOT EXISTS documents_source ON documents(source);
CREATE INDEX IF NOT EXISTS documents_hash ON documents(content_hash);
CREATE TABLE IF NOT EXISTS held(label TEXT, number INTEGER, PRIMARY KEY(label, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS passages(
    id INTEGER PRIMARY KEY, number INTEGER, ordinal INTEGER, headings TEXT, page INTEGER, length INTEGER,
    born INTEGER, died INTEGER);
CREATE INDEX IF NOT EXISTS passages_number ON passages(number);
CREATE INDEX IF NOT EXISTS passages_born ON passages(born);
CREATE TABLE IF NOT EXISTS postings(token TEXT, id INTEGER, times INTEGER, PRIMARY KEY(token, id)) WITHOUT ROWID;
"""


class Mirror:
    """The file `file`. May be used by several threads and processes at a time.

    Args:
        tokens: the tokens of what the keyword leg searches of a passage.
    """

    def __init__(self, file: Path, tokens: Callable[[str], list[str]]) -> None:
        self._file = file
        self._tokens = tokens
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    # -- reading -----------------------------------------------------------------------------------------------

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The result of a SELECT."""
        found: list[tuple[Any, ...]] = self._connection().execute(query, values).fetchall()
        return found

    def version(self) -> int:
        """The version that it shows; 0 where it is empty."""
        return int(self._about("version") or 0)

    def purged(self) -> int:
        """Rows that ended up to this version are not there any more."""
        return int(self._about("purged") or 0)

    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self._file.parent.glob(f"{self._file.name}*"))

    # -- following the collection ------------------------------------------------------------------------------

    def follow(self, version: int, purged: int, changed: Callable[[int], Iterable[Row]]) -> None:
        """Show `version`, whose rows that changed since another version `changed` gives (with their passages)."""
        if self.version() >= version:
            return
        with self._writing() as connection:
            known = self.version()
            if known >= version:
                return
            if known < purged:
                self._empty(connection)
                known = 0
            self._take(connection, (row for row in changed(known) if row.born <= version), version)
            self._note(connection, version=version, purged=purged)

    def took(self, rows: Iterable[Row], ended: Sequence[int], version: int) -> None:
        """What a commit changed, for a mirror that shows the version before."""
        with self._writing() as connection:
            if self.version() != version - 1:
                return
            self._take(connection, rows, version)
            self._end(connection, [(version, each) for each in ended])
            self._note(connection, version=version)

    def purge(self, version: int) -> None:
        """Forget rows that ended up to `version`."""
        ended = [row[0] for row in self.rows("SELECT id FROM passages WHERE died <= ?", (version,))]
        with self._writing() as connection:
            self._note(connection, purged=version)
            connection.execute("CREATE TEMP TABLE gone(id INTEGER PRIMARY KEY)")
            connection.executemany("INSERT INTO gone VALUES (?)", ((each,) for each in ended))
            connection.execute("DELETE FROM postings WHERE id IN (SELECT id FROM gone)")
            connection.execute("DELETE FROM held WHERE number IN (SELECT id FROM gone)")
            connection.execute("DELETE FROM documents WHERE number IN (SELECT id FROM gone)")
            connection.execute("DELETE FROM passages WHERE id IN (SELECT id FROM gone)")
            connection.execute("DROP TABLE gone")

    def compact(self) -> None:
        """Give the room of what was deleted back, and leave nothing of it in the file."""
        self._connection().execute("VACUUM")
        self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def clear(self) -> None:
        """Forget everything: it is read from the collection again."""
        with self._writing() as connection:
            self._empty(connection)

    def close(self) -> None:
        """Close what all threads have open."""
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()
            self._local = threading.local()

    def _take(self, connection: sqlite3.Connection, rows: Iterable[Row], version: int) -> None:
        for row in rows:
            died = row.died if row.died <= version else LIVE
            known = connection.execute("SELECT 1 FROM passages WHERE id = ? AND born = ?", (row.id, row.born))
            if known.fetchone():
                self._end(connection, [(died, row.id)])
                continue
            body = body_of(row.passage) if row.passage else None  # none: more of a document's text
            place: tuple[int, str, int | None] = (-1, "", None)
            length = 0
            if body is not None:
                place = (body.passage.ordinal, body.passage.headings, body.passage.page)
                length = self._take_words(connection, row.id, keywords_in(body.source, body.title, body.passage))
                if body.record is not None:
                    self._take_record(connection, row, body.record, died)
            connection.execute(
                "INSERT OR REPLACE INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (row.id, row.document, *place, length, row.born, died),
            )

    def _take_record(self, connection: sqlite3.Connection, row: Row, record: DocumentRecord, died: int) -> None:
        connection.execute(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row.id, record.doc_id, record.source, name_of(record.source), record.kind, record.title,
                record.content_hash, record.size, record.modified, record.added, json.dumps(record.labels),
                json.dumps(dict(record.metadata)), record.passage_count, record.passage_identity, row.born, died,
            ),
        )  # fmt: skip
        connection.executemany(
            "INSERT OR REPLACE INTO held VALUES (?, ?)",
            ((label.replace("\x00", ""), row.id) for label in record.labels),
        )

    def _take_words(self, connection: sqlite3.Connection, row: int, text: str) -> int:
        times = Counter(self._tokens(text))
        connection.executemany(
            "INSERT OR REPLACE INTO postings VALUES (?, ?, ?)", ((token, row, each) for token, each in times.items())
        )
        return len(words(text))

    def _end(self, connection: sqlite3.Connection, ended: Sequence[tuple[int, int]]) -> None:
        connection.executemany("UPDATE passages SET died = ? WHERE id = ?", ended)
        connection.executemany("UPDATE documents SET died = ? WHERE number = ?", ended)

    def _empty(self, connection: sqlite3.Connection) -> None:
        for table in ("about", "documents", "held", "passages", "postings"):
            connection.execute(f"DELETE FROM {table}")

    # -- the file ----------------------------------------------------------------------------------------------

    def _about(self, name: str) -> str | None:
        found = self._connection().execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def _note(self, connection: sqlite3.Connection, **values: int) -> None:
        connection.executemany(
            "INSERT OR REPLACE INTO about VALUES (?, ?)",
            [*((name, str(value)) for name, value in values.items()), ("format", _FORMAT)],
        )

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._opened()
            self._local.connection = found
            with self._lock:
                self._open.append(found)
        return found

    def _opened(self) -> sqlite3.Connection:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._prepared()
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                raise
            for path in self._file.parent.glob(f"{self._file.name}*"):  # damaged; it can be made again
                path.unlink(missing_ok=True)
            return self._prepared()

    def _prepared(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, timeout=_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA secure_delete=ON")
            connection.executescript(_SCHEMA)
            connection.execute("SELECT value FROM about").fetchall()
        except BaseException:
            connection.close()
            raise
        with_functions(connection)
        return connection


def keywords_in(source: str, title: str, passage: Passage) -> str:
    """What the keyword leg searches of a passage."""
    text = under_head(passage.table_head, passage.text)
    return keywords_of(source=source, title=title, headings=passage.headings, text=text)
