"""Connections to PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from instill.common.quiet_loggers import quiet
from instill.common.shown_url import without_password
from instill.errors import UsageError, WorkspaceError
from instill.index.protocol import Place
from instill.index.stores.postgres.tables import Names, create_tables
from instill.index.stores.refusals import service_errors

if TYPE_CHECKING:
    from instill.index.stores.postgres.store import PostgresStore

_IDLE = 8


class Database:
    """Connections that are used one at a time, by any thread.

    Raises:
        WorkspaceError: the server cannot be reached, or refuses; wherever a connection is used.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.names = Names.of(place.name)
        self.where = without_password(place.url)
        self._idle: list[Any] = []
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """A connection that sees one state of the database until the end."""
        with self._connected() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """A connection in a transaction of which all is kept or nothing; other writers wait, on any machine."""
        with self._connected() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [self.names.about])
            yield connection

    @contextmanager
    def outside(self) -> Iterator[Any]:
        """A connection whose statements are no transaction."""
        with self._connected() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections that are not in use."""
        with self._lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        with service_errors("postgres", self.where):
            connection = self._taken()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            with self._lock:
                if len(self._idle) < _IDLE and not connection.closed:
                    self._idle.append(connection)
                    return
            connection.close()

    def _taken(self) -> Any:
        import psycopg

        with self._lock:
            known = self._idle.pop() if self._idle else None
        if known is not None and not known.closed:
            try:  # the server may have been started anew
                known.execute("SELECT 1")
                return known
            except psycopg.OperationalError:
                known.close()
        quiet("psycopg")  # a connection that breaks says so in the error that is raised
        password = {"password": self.place.key} if self.place.key else {}
        return psycopg.connect(self.place.url, autocommit=True, connect_timeout=15, prepare_threshold=None, **password)


def open_store(place: Place, *, create: bool) -> PostgresStore:
    """The store of a generation; its tables are in the schema that comes first for the user.

    Raises:
        UsageError: the address is one of something else.
    """
    from instill.index.stores.postgres.store import PostgresStore

    scheme = place.url.partition("://")[0] if "://" in place.url else ""  # "host=... dbname=..." has none
    if scheme not in ("", "postgresql", "postgres"):
        raise UsageError(
            "This is not an address of a PostgreSQL database.",
            where=without_password(place.url),
            remedy='Write it so: "postgresql://anna@db.example/docs"',
        )
    database = Database(place)
    if create:
        with database.writing() as connection:
            _extend(connection, database.where)
            create_tables(connection, database.names, place.dimension)
    return PostgresStore(database)


def _extend(connection: Any, where: str) -> None:
    import psycopg

    if connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'").fetchone():
        return
    try:
        with connection.transaction():
            connection.execute("CREATE EXTENSION vector")
    except psycopg.Error as error:
        said = " ".join(str(error).split())[:200]
        raise WorkspaceError(
            f"The database lacks the extension vector (pgvector), and it could not be added: {said}.",
            where=where,
            remedy="Install pgvector on the server and run there: CREATE EXTENSION vector",
        ) from error
