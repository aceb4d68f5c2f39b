"""The workspace's catalog, and what holds for everything in it.

Where it is kept is in `sqlite_or_postgres.py`, its tables are in `tables.py`, the changes that older ones go through
in `migrations.py`. Documents are not here: they live in the index, which is the system of record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from instill.catalog.database_errors import damaged
from instill.catalog.labels_of_conversations import Labels, may_see
from instill.catalog.migrations import MIGRATIONS
from instill.catalog.sqlite_or_postgres import Place, PostgresSchema, Server, SqliteFile
from instill.catalog.tables import JSON_COLUMNS, MIGRATIONS_TABLE
from instill.errors import UsageError, WorkspaceError


class Database:
    """A place where a catalog is kept: opened, migrated, read and written. What is kept is in the classes that build on
    this.

    Args:
        path: of the SQLite file.
        server: where it is kept instead.
    """

    def __init__(self, path: Path, *, read_only: bool = False, server: Server | None = None) -> None:
        self._place: Place = (
            SqliteFile(path, read_only=read_only) if server is None else PostgresSchema(server, read_only=read_only)
        )
        self._opened: sa.Engine | None = None
        try:
            self._open()
        except sa.exc.DatabaseError as error:
            raise self._place.explained(error) from error

    @property
    def where(self) -> str:
        """As a message names it."""
        return self._place.where

    @property
    def shared(self) -> bool:
        """It is in a database that other folders may use too, and not in a file of the workspace."""
        return isinstance(self._place, PostgresSchema)

    @property
    def writable(self) -> bool:
        """False on storage that takes no writing, or is full: nothing is recorded."""
        return self._place.writable

    @property
    def full(self) -> bool:
        """A disk without room; what records something raises."""
        return self._place.full

    @property
    def exists(self) -> bool:
        """Whether something is kept: a workspace that was never written to has no catalog."""
        return self._place.exists

    def close(self) -> None:
        """Release the file; whatever still holds the catalog is told that it is closed."""
        if self._opened is not None:
            self._opened.dispose()
            self._opened = None

    @property
    def _engine(self) -> sa.Engine:
        if self._opened is None:
            raise UsageError("The workspace is closed.", where=self.where, remedy="Open it again.")
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

    def asked_with(self, connection: sa.Connection, table: sa.Table, key_id: str | None) -> sa.ColumnElement[bool]:
        """The rows of what was asked with this key; None: with any, or with none."""
        if key_id is None:
            return sa.true()
        if "key_id" not in {column["name"] for column in sa.inspect(connection).get_columns(table.name)}:
            return sa.false()  # written by an older Instill, on storage that takes no migration
        return table.c.key_id == key_id

    def _open(self) -> None:
        self._opened = self._place.engine()
        sa.event.listen(self._opened, "handle_error", self._explain)
        if self.writable:
            self._migrate()

    def _explain(self, context: Any) -> WorkspaceError | None:
        """What the database says at any statement, in our words: a page that is damaged is met only when it is read."""
        error = context.sqlalchemy_exception
        return self._place.explained(error) if isinstance(error, sa.exc.DatabaseError) else None

    def _read(self, stored: str) -> Any:
        """JSON that the catalog wrote."""
        try:
            return json.loads(stored)
        except (ValueError, TypeError, RecursionError) as error:
            raise damaged("a value in it is not JSON", self.where) from error

    def damage(self) -> str:
        """What is wrong with the file; "" when nothing is. All of it is read.

        Raises:
            WorkspaceError: it cannot be read at all.
        """
        with self._engine.connect() as connection:
            if said := self._place.damage(connection):
                return said
            there = set(sa.inspect(connection).get_table_names())
            for table, column in JSON_COLUMNS:
                if table.name not in there:  # of an older Instill, on storage that takes no migration
                    continue
                values = connection.execute(sa.select(table.c[column])).scalars()
                if any(not _is_json(value) for value in values if value is not None):
                    return f"a value of {table.name}.{column} is not JSON"
        return ""

    def compact(self) -> None:
        """Leave nothing in the database of what was deleted."""
        self._place.compact(self._engine)

    def holding(self, name: str) -> AbstractContextManager[bool]:
        """Keep other machines that share the catalog from holding this name meanwhile; False where one does."""
        return self._place.holding(self._engine, name)

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
            raise self._place.is_full()
        if not self.writable:
            yield None
            return
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.DatabaseError as error:
            raise self._place.explained(error) from error

    def _migrate(self) -> None:
        with self._place.changing(self._engine) as connection:
            MIGRATIONS_TABLE.create(connection, checkfirst=True)
            done = set(connection.execute(sa.select(MIGRATIONS_TABLE.c.name)).scalars())
            unknown = done - {name for name, _ in MIGRATIONS}
            if unknown:
                raise WorkspaceError(
                    "The catalog was written by a newer Instill.", where=self.where, remedy="Upgrade Instill."
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
