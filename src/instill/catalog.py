"""The workspace's SQLite catalog: the folders it follows, conversations, and the log of questions.

Its tables, and how they came about, are in `catalog_tables.py`. Documents are not here: they live in the index, which
is the system of record.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from instill.catalog_tables import (
    CONVERSATIONS,
    JSON_COLUMNS,
    JUDGEMENTS,
    METADATA,
    MIGRATIONS,
    MIGRATIONS_TABLE,
    ROOTS,
    TURNS,
    USAGE,
)
from instill.errors import UsageError, WorkspaceError

_ROOM = 256 * 1024
"""Bytes that SQLite needs beside a small database for its write-ahead log and the index of it."""

_FIRST_DAY = 1_735_689_600
"""Seconds of 2025-01-01. Exchanges are numbered by the microseconds since: a count would tell who holds labels how much
others ask."""

Labels = tuple[str, ...] | None
"""What a caller holds; None is the owner, who sees all. Stored as a sorted list, the owner's as NULL."""


@dataclass(frozen=True, slots=True)
class Root:
    """A file, folder, glob pattern or address that `sync` keeps the index in step with."""

    path: str
    labels: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """One turn of a conversation; `answer` is `Answer.as_dict()` for the assistant's turns, {} for the user's."""

    role: str
    text: str
    answer: Mapping[str, Any]
    at: str


class Catalog:
    """The catalog at `path`, created when it is missing.

    A workspace on read-only storage opens its catalog without writing; `writable` is False then and every method
    that records something does nothing. On a disk that is `full` it is opened in the same way, and they raise.

    Raises:
        WorkspaceError: the file is not a catalog, or was written by a newer Instill.

    Example:
        >>> import tempfile
        >>> catalog = Catalog(Path(tempfile.mkdtemp()) / "catalog.db")
        >>> catalog.remember_root(Root("/srv/handbook"))
        >>> [root.path for root in catalog.roots()]
        ['/srv/handbook']
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.writable = not read_only and os.access(path.parent, os.W_OK)
        self._opened: sa.Engine | None = None
        # Even reading takes room, for the log and its index. Without it nothing can be recorded, and all else goes on:
        # whoever has to free space wants to look first.
        self.full = self.writable and path.exists() and _free(path) < _ROOM
        self.writable = self.writable and not self.full
        try:
            self._open()
        except sa.exc.DatabaseError as error:
            raise _explained(error, path) from error

    def close(self) -> None:
        """Release the file; whatever still holds the catalog is told that it is closed."""
        if self._opened is not None:
            self._opened.dispose()
            self._opened = None

    @property
    def _engine(self) -> sa.Engine:
        if self._opened is None:
            raise UsageError("The workspace is closed.", where=str(self.path), remedy="Open it again.")
        return self._opened

    # -- followed folders --------------------------------------------------------------------------------------

    def remember_root(self, root: Root) -> None:
        """Follow `root`; its labels and metadata replace earlier ones."""
        row = {
            "path": root.path,
            "labels": json.dumps(sorted(root.labels)),
            "metadata": json.dumps(dict(root.metadata), ensure_ascii=False, sort_keys=True),
            "added": now(),
        }
        with self.writing() as connection:
            if connection is not None:
                connection.execute(sa.delete(ROOTS).where(ROOTS.c.path == root.path))
                connection.execute(sa.insert(ROOTS).values(row))

    def forget_root(self, path: str) -> bool:
        """Stop following `path`; True when it was followed."""
        with self.writing() as connection:
            if connection is None:
                return False
            return connection.execute(sa.delete(ROOTS).where(ROOTS.c.path == path)).rowcount > 0

    def roots(self) -> list[Root]:
        """What is followed, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(ROOTS).order_by(ROOTS.c.added, ROOTS.c.path)).all()
        return [Root(row.path, tuple(self._read(row.labels)), self._read(row.metadata)) for row in rows]

    # -- conversations -----------------------------------------------------------------------------------------

    def start_conversation(self, labels: Labels = None) -> str:
        """A new conversation's id, 12 hexadecimal digits; `labels`: what the caller holds who begins it."""
        conversation_id = uuid.uuid4().hex[:12]
        with self.writing() as connection:
            if connection is not None:
                row = {"conversation_id": conversation_id, "started": now(), "labels": stored_labels(labels)}
                connection.execute(sa.insert(CONVERSATIONS).values(row))
        return conversation_id

    def add_turns(self, conversation_id: str, turns: Sequence[StoredTurn], labels: Labels = None) -> None:
        """Append turns, all or none; from now on it takes `labels` to see the conversation.

        Raises:
            UsageError: there is no such conversation, or none that the caller may see.
        """
        rows = [
            {
                "conversation_id": conversation_id,
                "role": turn.role,
                "text": turn.text,
                "answer": json.dumps(turn.answer, ensure_ascii=False),
                "at": turn.at or now(),
            }
            for turn in turns
        ]
        with self.writing() as connection:
            if connection is not None:
                self._require(connection, conversation_id, labels)
                held = CONVERSATIONS.c.conversation_id == conversation_id
                connection.execute(sa.update(CONVERSATIONS).where(held).values(labels=stored_labels(labels)))
                connection.execute(sa.insert(TURNS), rows)

    def turns(self, conversation_id: str, labels: Labels = None) -> list[StoredTurn]:
        """The turns of a conversation in order.

        Raises:
            UsageError: there is no such conversation, or none that the caller may see; in the same words.
        """
        with self._engine.connect() as connection:
            self._require(connection, conversation_id, labels)
            rows = connection.execute(
                sa.select(TURNS).where(TURNS.c.conversation_id == conversation_id).order_by(TURNS.c.turn_id)
            ).all()
        return [StoredTurn(row.role, row.text, self._read(row.answer), row.at) for row in rows]

    def conversations(self, limit: int = 20, labels: Labels = None, *, words: str = "") -> list[dict[str, Any]]:
        """The newest conversations that the caller may see; with `words`, those in which they were said.

        Each with `conversation_id`, `started`, `turns` (a count), `first_question`.
        """
        first = (
            sa.select(TURNS.c.text)
            .where(TURNS.c.conversation_id == CONVERSATIONS.c.conversation_id)
            .order_by(TURNS.c.turn_id)
            .limit(1)
            .scalar_subquery()
        )
        count = (
            sa.select(sa.func.count())
            .where(TURNS.c.conversation_id == CONVERSATIONS.c.conversation_id)
            .scalar_subquery()
        )
        query = (
            sa.select(CONVERSATIONS.c.conversation_id, CONVERSATIONS.c.started)
            .add_columns(count.label("turns"), first.label("first_question"))
            .order_by(CONVERSATIONS.c.started.desc(), CONVERSATIONS.c.conversation_id)
        )
        with self._engine.connect() as connection:
            query = query.where(self._seen_by(connection, CONVERSATIONS, labels)).limit(limit)
            if words:
                held = sa.select(TURNS.c.conversation_id).where(TURNS.c.text.icontains(words, autoescape=True))
                query = query.where(CONVERSATIONS.c.conversation_id.in_(held))
            return [dict(row) for row in connection.execute(query).mappings()]

    def forget_conversation(self, conversation_id: str, labels: Labels = None) -> None:
        """Delete a conversation.

        Raises:
            UsageError: there is no such conversation, or none that the caller may see; in the same words.
        """
        with self.writing() as connection:
            if connection is not None:
                self._require(connection, conversation_id, labels)
                for table in (TURNS, CONVERSATIONS):
                    connection.execute(sa.delete(table).where(table.c.conversation_id == conversation_id))

    # -- usage -------------------------------------------------------------------------------------------------

    def log_usage(
        self,
        *,
        question: str,
        standalone_question: str,
        abstained: bool,
        confidence: float,
        citations: Sequence[Mapping[str, Any]],
        milliseconds: float,
        labels: Labels = None,
        answer: Mapping[str, Any] | None = None,
        made_from: Any = None,
    ) -> int | None:
        """Keep one exchange; its number, or None where nothing can be recorded.

        Args:
            citations: as `doc_id`, `start`, `end`.
            labels: what the caller holds who asked.
            answer: what was shown, as plain data.
            made_from: `MadeFrom.as_json()` of the documents behind the answer.
        """
        row = {
            "at": now(),
            "question": question,
            "standalone_question": standalone_question,
            "abstained": abstained,
            "confidence": confidence,
            "citations": json.dumps(list(citations)),
            "milliseconds": milliseconds,
            "labels": stored_labels(labels),
            "answer": None if answer is None else json.dumps(answer, ensure_ascii=False),
            "made_from": None if made_from is None else json.dumps(made_from, ensure_ascii=False),
        }
        with self.writing() as connection:
            if connection is None:
                return None
            number = int(1e6 * (time.time() - _FIRST_DAY))
            connection.execute(sa.insert(USAGE).values(usage_id=number, **row))
            return number

    def usage_count(self, labels: Labels = None) -> int:
        """How many exchanges the log holds that the caller may see."""
        query = sa.select(sa.func.count()).select_from(USAGE)
        with self._engine.connect() as connection:
            return int(connection.execute(query.where(self._seen_by(connection, USAGE, labels))).scalar_one())

    def clear_usage(self) -> int:
        """Delete the log and all conversations; returns how many exchanges were in the log."""
        count = self.usage_count()
        with self.writing() as connection:
            if connection is None:
                return 0
            for table in (JUDGEMENTS, USAGE, TURNS, CONVERSATIONS):
                connection.execute(sa.delete(table))
        return count

    # -- inside ------------------------------------------------------------------------------------------------

    def _require(self, connection: sa.Connection, conversation_id: str, labels: Labels) -> None:
        """Refuse a conversation that is not there, and one that the caller may not see, in the same words."""
        query = sa.select(CONVERSATIONS.c.conversation_id).where(CONVERSATIONS.c.conversation_id == conversation_id)
        query = query.where(self._seen_by(connection, CONVERSATIONS, labels))
        if connection.execute(query).first() is None:
            raise UsageError(
                "There is no such conversation.", where=conversation_id, remedy="List them: instill chat --list"
            )

    def _seen_by(self, connection: sa.Connection, table: sa.Table, labels: Labels) -> sa.ColumnElement[bool]:
        """The rows of what was said that this caller may see."""
        if labels is None:
            return sa.true()
        if "labels" not in {column["name"] for column in sa.inspect(connection).get_columns(table.name)}:
            return sa.false()  # written by an older Instill, on storage that takes no migration
        stored = connection.execute(sa.select(table.c.labels).distinct()).scalars().all()
        found = [each for each in stored if each is not None and may_see(tuple(self._read(each)), labels)]
        return table.c.labels.in_(found) if found else sa.false()

    def _open(self) -> None:
        if self.writable:
            address = f"sqlite:///{self.path}"
        elif self.path.exists():
            # A database in WAL mode wants to create files beside it. Without a write-ahead file there is nothing to
            # miss, and "immutable" lets SQLite read it from storage that takes no files.
            wal = self.path.with_name(self.path.name + "-wal")
            immutable = "" if wal.exists() and wal.stat().st_size else "&immutable=1"
            address = f"sqlite:///file:{self.path}?mode=ro{immutable}&uri=true"
        else:
            address = "sqlite://"
        self._opened = sa.create_engine(address, connect_args={"timeout": 30})
        sa.event.listen(self._opened, "handle_error", self._explain)
        if self.writable:
            self._migrate()
        elif not self.path.exists():
            with self._engine.begin() as connection:
                METADATA.create_all(connection)

    def _explain(self, context: Any) -> WorkspaceError | None:
        """What SQLite says at any statement, in our words: a page that is damaged is met only when it is read."""
        error = context.sqlalchemy_exception
        return _explained(error, self.path) if isinstance(error, sa.exc.DatabaseError) else None

    def _read(self, stored: str) -> Any:
        """JSON that the catalog wrote."""
        try:
            return json.loads(stored)
        except (ValueError, TypeError, RecursionError) as error:
            raise _damaged("a value in it is no JSON", self.path) from error

    def damage(self) -> str:
        """What is wrong with the file; "" when nothing is. All of it is read.

        Raises:
            WorkspaceError: it cannot be read at all.
        """
        with self._engine.connect() as connection:
            said = [str(each) for each in connection.exec_driver_sql("PRAGMA integrity_check(3)").scalars()]
            if said != ["ok"]:
                return "; ".join(said)
            there = set(sa.inspect(connection).get_table_names())
            for table, column in JSON_COLUMNS:
                if table.name not in there:  # of an older Instill, on storage that takes no migration
                    continue
                values = connection.execute(sa.select(table.c[column])).scalars()
                if any(not _is_json(value) for value in values if value is not None):
                    return f"a value of {table.name}.{column} is no JSON"
        return ""

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection to read by; tables that a read-only catalog of an older Instill lacks are not there."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection | None]:
        """A transaction that holds when the block ends; None on storage that takes no writing.

        Raises:
            WorkspaceError: the disk is full, or the catalog cannot be written.
        """
        if self.full:
            raise _is_full(self.path)
        if not self.writable:
            yield None
            return
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.DatabaseError as error:
            raise _explained(error, self.path) from error

    def _migrate(self) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        with self._engine.begin() as connection:
            # Take the write lock before looking, so that two processes that open a new workspace do not both migrate.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            MIGRATIONS_TABLE.create(connection, checkfirst=True)
            done = set(connection.execute(sa.select(MIGRATIONS_TABLE.c.name)).scalars())
            unknown = done - {name for name, _ in MIGRATIONS}
            if unknown:
                raise WorkspaceError(
                    "The catalog was written by a newer Instill.", where=str(self.path), remedy="Upgrade Instill."
                )
            for name, migration in MIGRATIONS:
                if name not in done:
                    migration(connection)
                    connection.execute(sa.insert(MIGRATIONS_TABLE).values(name=name))


def may_see(held_under: Labels, labels: Labels) -> bool:
    """Whether a caller may see what was said by one who held other labels: only if no document was visible to that one
    alone. Who holds none saw no document, so that only the words of the question are left; they stay with such callers.

    Example:
        >>> may_see(("hr",), ("hr", "staff")), may_see(("hr", "staff"), ("hr",)), may_see((), ("hr",))
        (True, False, False)
    """
    if labels is None:
        return True
    if held_under is None:
        return False
    return set(held_under) <= set(labels) if held_under else not labels


def stored_labels(labels: Labels) -> str | None:
    """Labels as a column holds them: a sorted list as JSON; NULL is the owner."""
    return None if labels is None else json.dumps(sorted(set(labels)), ensure_ascii=False)


def _code(error: sa.exc.DatabaseError) -> int:
    """SQLite's primary result code (see its "Result and Error Codes"); 0 where it tells none."""
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF


def _free(path: Path) -> float:
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return float("inf")


def _is_full(path: Path) -> WorkspaceError:
    return WorkspaceError("The disk is full.", where=str(path), remedy="Free some space and run the command again.")


def _is_out_of_room(error: sa.exc.DatabaseError, path: Path) -> bool:
    """SQLite says that the disk is full, or that writing failed on one that is."""
    code = _code(error)
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return _free(path) < _ROOM
    return code == sqlite3.SQLITE_FULL


def _is_json(value: Any) -> bool:
    try:
        json.loads(value)
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def _damaged(why: object, path: Path) -> WorkspaceError:
    return WorkspaceError(
        f"The catalog cannot be opened: {why}.",
        where=str(path),
        remedy="If the file is damaged, move it away; documents are not lost, conversations are.",
    )


def _explained(error: sa.exc.DatabaseError, path: Path) -> WorkspaceError:
    code = _code(error)
    if _is_out_of_room(error, path):
        return _is_full(path)
    if code in (sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        what, remedy = f"The catalog cannot be opened: {error.orig}.", "Check who owns the folder."
    elif code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        what, remedy = (
            "Another process has been using the catalog for too long.",
            "Wait for it, then run the command again.",
        )
    elif code == sqlite3.SQLITE_IOERR:
        what, remedy = f"The catalog cannot be read or written: {error.orig}.", "Check the disk and its quota."
    else:
        return _damaged(error.orig, path)
    return WorkspaceError(what, where=str(path), remedy=remedy)


def now() -> str:
    """This moment, ISO 8601 UTC to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
