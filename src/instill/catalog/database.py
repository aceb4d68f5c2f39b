"""The workspace's SQLite file, and what holds for everything in it.

Its tables are in `tables.py`, the changes that older ones go through in `migrations.py`. Documents are not here: they
live in the index, which is the system of record.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from instill.catalog.failures import ROOM, damaged, explained, free_space, is_full
from instill.catalog.labels import Labels, may_see
from instill.catalog.migrations import MIGRATIONS
from instill.catalog.tables import JSON_COLUMNS, METADATA, MIGRATIONS_TABLE
from instill.errors import UsageError, WorkspaceError


class Database:
    """The SQLite file: opened, migrated, read and written. What is kept in it is in the classes that build on this."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.writable = not read_only and os.access(path.parent, os.W_OK)
        self._opened: sa.Engine | None = None
        # Even reading takes room, for the log and its index. Without it nothing can be recorded, and all else goes on:
        # whoever has to free space wants to look first.
        self.full = self.writable and path.exists() and free_space(path) < ROOM
        self.writable = self.writable and not self.full
        try:
            self._open()
        except sa.exc.DatabaseError as error:
            raise explained(error, path) from error

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
        return explained(error, self.path) if isinstance(error, sa.exc.DatabaseError) else None

    def _read(self, stored: str) -> Any:
        """JSON that the catalog wrote."""
        try:
            return json.loads(stored)
        except (ValueError, TypeError, RecursionError) as error:
            raise damaged("a value in it is not JSON", self.path) from error

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
                    return f"a value of {table.name}.{column} is not JSON"
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
            raise is_full(self.path)
        if not self.writable:
            yield None
            return
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.DatabaseError as error:
            raise explained(error, self.path) from error

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


def _is_json(value: Any) -> bool:
    try:
        json.loads(value)
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def now() -> str:
    """This moment, ISO 8601 UTC to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
