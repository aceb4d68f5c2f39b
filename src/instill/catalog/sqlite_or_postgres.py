"""Where a catalog is kept: a SQLite file in the workspace, or a schema of a PostgreSQL database."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from instill.catalog.database_errors import ROOM, explained, free_space, is_full, server_explained
from instill.catalog.tables import METADATA
from instill.common.extras import needed
from instill.common.quiet_loggers import quiet
from instill.common.shown_url import without_password
from instill.errors import UsageError, WorkspaceError

_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,40}")
_CONNECT_S = 15


class Place(Protocol):
    """A place where a catalog is kept.

    Attributes:
        where: as a message names it.
        writable: False on storage that takes no writing, or is full.
        full: a disk without room.
    """

    where: str
    writable: bool
    full: bool

    def engine(self) -> sa.Engine:
        """Connections; a catalog that is not there and cannot be made is an empty one in memory."""
        ...

    @property
    def exists(self) -> bool:
        """Whether something is kept there."""
        ...

    def changing(self, engine: sa.Engine) -> AbstractContextManager[sa.Connection]:
        """A context with a connection in a transaction that no other process changes tables beside."""
        ...

    def holding(self, engine: sa.Engine, name: str) -> AbstractContextManager[bool]:
        """Keep other machines from holding this name meanwhile; False where one does. It ends with the process."""
        ...

    def damage(self, connection: sa.Connection) -> str:
        """What the database itself finds wrong with what it keeps; "" for nothing."""
        ...

    def compact(self, engine: sa.Engine) -> None:
        """Leave nothing of what was deleted."""
        ...

    def explained(self, error: sa.exc.DatabaseError) -> WorkspaceError:
        """The error for what the database says."""
        ...

    def is_full(self) -> WorkspaceError:
        """The error for a disk without room."""
        ...


class SqliteFile:
    """A file of the workspace."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.path = path
        self.where = str(path)
        self.writable = not read_only and os.access(path.parent, os.W_OK)
        # Even reading takes room, for the log and its index. Without it nothing can be recorded, and all else goes on:
        # whoever has to free space wants to look first.
        self.full = self.writable and path.exists() and free_space(path) < ROOM
        self.writable = self.writable and not self.full

    @property
    def exists(self) -> bool:
        return self.path.exists()

    def engine(self) -> sa.Engine:
        if self.writable:
            address = f"sqlite:///{self.path}"
        elif self.path.exists():
            # A database in WAL mode wants to create files beside it. Without a write-ahead file there is nothing to
            # miss, and "immutable" lets SQLite read it from storage that takes no files.
            wal = self.path.with_name(self.path.name + "-wal")
            immutable = "" if wal.exists() and wal.stat().st_size else "&immutable=1"
            address = f"sqlite:///file:{self.path}?mode=ro{immutable}&uri=true"
        else:
            return _in_memory()
        return sa.create_engine(address, connect_args={"timeout": 30})

    @contextmanager
    def changing(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        with engine.begin() as connection:
            # Take the write lock before looking, so that two processes that open a new workspace do not both migrate.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    def holding(self, engine: sa.Engine, name: str) -> AbstractContextManager[bool]:  # noqa: ARG002
        return nullcontext(True)  # Other machines have no part in it; processes of this one have locks in the folder.

    def damage(self, connection: sa.Connection) -> str:
        said = [str(each) for each in connection.exec_driver_sql("PRAGMA integrity_check(3)").scalars()]
        return "" if said == ["ok"] else "; ".join(said)

    def compact(self, engine: sa.Engine) -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def explained(self, error: sa.exc.DatabaseError) -> WorkspaceError:
        return explained(error, self.path)

    def is_full(self) -> WorkspaceError:
        return is_full(self.path)


@dataclass(frozen=True, slots=True)
class Server:
    """A schema of a PostgreSQL database.

    Args:
        url: postgresql://user@host/database.
        key: the password, where the address has none.
        schema: of this workspace; other workspaces may have others in the same database.
    """

    url: str
    key: str = ""
    schema: str = "instill"


class PostgresSchema:
    """The tables in a schema of their own, which is made when it is missing."""

    full = False

    def __init__(self, server: Server, *, read_only: bool) -> None:
        if not _SCHEMA.fullmatch(server.schema):
            raise UsageError(
                "This cannot be the name of a schema.",
                where=f"catalog.name: {server.schema[:60]}",
                remedy="Use small letters, digits and _.",
            )
        self._server = server
        self.where = f"{without_password(server.url)} (schema {server.schema})"
        self.writable = not read_only

    @property
    def exists(self) -> bool:
        return True

    def engine(self) -> sa.Engine:
        needed("psycopg", "A catalog on PostgreSQL needs its driver.")
        quiet("psycopg")
        try:
            url = sa.make_url(self._server.url)
        except sa.exc.ArgumentError:
            url = None
        if url is None or url.drivername not in ("postgresql", "postgres"):
            raise UsageError(
                "This is not an address of a PostgreSQL database.",
                where="catalog.url",
                remedy='Write it so: "postgresql://anna@db.example/docs"',
            )
        url = url.set(drivername="postgresql+psycopg")
        if self._server.key and url.password is None:
            url = url.set(password=self._server.key)
        engine = sa.create_engine(
            url, pool_pre_ping=True, connect_args={"connect_timeout": _CONNECT_S, "prepare_threshold": None}
        )
        sa.event.listen(engine, "connect", self._enter)
        if not self.writable and not _has_tables(engine):
            engine.dispose()
            return _in_memory()
        return engine

    def _enter(self, connection: Any, _record: object) -> None:
        before, connection.autocommit = connection.autocommit, True
        connection.execute(f'SET search_path TO "{self._server.schema}"')
        connection.autocommit = before

    @contextmanager
    def changing(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        with engine.begin() as connection:
            # The lock ends with the transaction, also when the process is killed.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(self._number("migration"))))
            connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{self._server.schema}"')
            yield connection

    @contextmanager
    def holding(self, engine: sa.Engine, name: str) -> Iterator[bool]:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            number = self._number(name)
            held = bool(connection.execute(sa.select(sa.func.pg_try_advisory_lock(number))).scalar_one())
            try:
                yield held
            finally:
                if held:
                    connection.execute(sa.select(sa.func.pg_advisory_unlock(number)))

    def _number(self, name: str) -> int:
        return zlib.crc32(f"instill {self._server.schema} {name}".encode())

    def damage(self, connection: sa.Connection) -> str:
        connection.execute(sa.select(1))
        return ""

    def compact(self, engine: sa.Engine) -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in sa.inspect(connection).get_table_names():
                connection.exec_driver_sql(f'VACUUM (FULL) "{table}"')

    def explained(self, error: sa.exc.DatabaseError) -> WorkspaceError:
        return server_explained(error, self.where)

    def is_full(self) -> WorkspaceError:
        return WorkspaceError("The database is full.", where=self.where)


def _in_memory() -> sa.Engine:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        METADATA.create_all(connection)
    return engine


def _has_tables(engine: sa.Engine) -> bool:
    with engine.connect() as connection:
        return bool(sa.inspect(connection).get_table_names())
