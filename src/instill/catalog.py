"""The workspace's SQLite catalog: the folders it follows, conversations, and the log of questions.

Migrations are a list of named functions; each runs once, in order, in one transaction, and its name is kept in the
table `migrations`. Documents are not here: they live in the index, which is the system of record.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from instill.errors import UsageError, WorkspaceError

_METADATA = sa.MetaData()

MIGRATIONS_TABLE = sa.Table("migrations", _METADATA, sa.Column("name", sa.Text, primary_key=True))
ROOTS = sa.Table(
    "roots",
    _METADATA,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("labels", sa.Text, nullable=False),
    sa.Column("metadata", sa.Text, nullable=False),
    sa.Column("added", sa.Text, nullable=False),
)
CONVERSATIONS = sa.Table(
    "conversations",
    _METADATA,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("started", sa.Text, nullable=False),
)
TURNS = sa.Table(
    "turns",
    _METADATA,
    sa.Column("turn_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("conversation_id", sa.Text, sa.ForeignKey("conversations.conversation_id"), nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)
USAGE = sa.Table(
    "usage",
    _METADATA,
    sa.Column("usage_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("standalone_question", sa.Text, nullable=False),
    sa.Column("abstained", sa.Boolean, nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("citations", sa.Text, nullable=False),
    sa.Column("milliseconds", sa.Float, nullable=False),
)


def _first_tables(connection: sa.Connection) -> None:
    for table in (ROOTS, CONVERSATIONS, TURNS, USAGE):
        table.create(connection, checkfirst=True)
    connection.exec_driver_sql("CREATE INDEX IF NOT EXISTS turns_by_conversation ON turns (conversation_id)")


MIGRATIONS: Sequence[tuple[str, Callable[[sa.Connection], None]]] = (("0001_first_tables", _first_tables),)


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
    that records something does nothing.

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
        if self.writable:
            address = f"sqlite:///{path}"
        elif path.exists():
            # A database in WAL mode wants to create files beside it. Without a write-ahead file there is nothing to
            # miss, and "immutable" lets SQLite read it from storage that takes no files.
            immutable = "" if path.with_name(path.name + "-wal").exists() else "&immutable=1"
            address = f"sqlite:///file:{path}?mode=ro{immutable}&uri=true"
        else:
            address = "sqlite://"
        self._engine = sa.create_engine(address, connect_args={"timeout": 30})
        try:
            if self.writable:
                self._migrate()
            elif not path.exists():
                with self._engine.begin() as connection:
                    _first_tables(connection)
        except sa.exc.DatabaseError as error:
            raise WorkspaceError(
                f"The catalog cannot be opened: {error.orig}.",
                where=str(path),
                remedy="If the file is damaged, move it away; documents are not lost, conversations are.",
            ) from error

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()

    # -- followed folders --------------------------------------------------------------------------------------

    def remember_root(self, root: Root) -> None:
        """Follow `root`; its labels and metadata replace earlier ones."""
        row = {
            "path": root.path,
            "labels": json.dumps(sorted(root.labels)),
            "metadata": json.dumps(dict(root.metadata), ensure_ascii=False, sort_keys=True),
            "added": _now(),
        }
        with self._writing() as connection:
            if connection is not None:
                connection.execute(sa.delete(ROOTS).where(ROOTS.c.path == root.path))
                connection.execute(sa.insert(ROOTS).values(row))

    def forget_root(self, path: str) -> bool:
        """Stop following `path`; True when it was followed."""
        with self._writing() as connection:
            if connection is None:
                return False
            return connection.execute(sa.delete(ROOTS).where(ROOTS.c.path == path)).rowcount > 0

    def roots(self) -> list[Root]:
        """What is followed, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(ROOTS).order_by(ROOTS.c.added, ROOTS.c.path)).all()
        return [Root(row.path, tuple(json.loads(row.labels)), json.loads(row.metadata)) for row in rows]

    # -- conversations -----------------------------------------------------------------------------------------

    def start_conversation(self) -> str:
        """A new conversation's id, 12 hexadecimal digits."""
        conversation_id = uuid.uuid4().hex[:12]
        with self._writing() as connection:
            if connection is not None:
                row = {"conversation_id": conversation_id, "started": _now()}
                connection.execute(sa.insert(CONVERSATIONS).values(row))
        return conversation_id

    def add_turns(self, conversation_id: str, turns: Sequence[StoredTurn]) -> None:
        """Append turns, all or none."""
        rows = [
            {
                "conversation_id": conversation_id,
                "role": turn.role,
                "text": turn.text,
                "answer": json.dumps(turn.answer, ensure_ascii=False),
                "at": turn.at or _now(),
            }
            for turn in turns
        ]
        with self._writing() as connection:
            if connection is not None:
                connection.execute(sa.insert(TURNS), rows)

    def turns(self, conversation_id: str) -> list[StoredTurn]:
        """The turns of a conversation in order.

        Raises:
            UsageError: there is no such conversation.
        """
        with self._engine.connect() as connection:
            known = connection.execute(
                sa.select(CONVERSATIONS.c.conversation_id).where(CONVERSATIONS.c.conversation_id == conversation_id)
            ).first()
            if known is None:
                raise UsageError(
                    "There is no such conversation.", where=conversation_id, remedy="List them: instill chat --list"
                )
            rows = connection.execute(
                sa.select(TURNS).where(TURNS.c.conversation_id == conversation_id).order_by(TURNS.c.turn_id)
            ).all()
        return [StoredTurn(row.role, row.text, json.loads(row.answer), row.at) for row in rows]

    def conversations(self, limit: int = 20) -> list[dict[str, Any]]:
        """The newest conversations: `conversation_id`, `started`, `turns` (a count), `first_question`."""
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
            sa.select(CONVERSATIONS, count.label("turns"), first.label("first_question"))
            .order_by(CONVERSATIONS.c.started.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

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
    ) -> None:
        """Keep one exchange; citations as `doc_id`, `start`, `end`."""
        row = {
            "at": _now(),
            "question": question,
            "standalone_question": standalone_question,
            "abstained": abstained,
            "confidence": confidence,
            "citations": json.dumps(list(citations)),
            "milliseconds": milliseconds,
        }
        with self._writing() as connection:
            if connection is not None:
                connection.execute(sa.insert(USAGE).values(row))

    def usage_count(self) -> int:
        """How many exchanges the log holds."""
        with self._engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(USAGE)).scalar_one())

    def clear_usage(self) -> int:
        """Delete the log and all conversations; returns how many exchanges were in the log."""
        count = self.usage_count()
        with self._writing() as connection:
            if connection is None:
                return 0
            for table in (USAGE, TURNS, CONVERSATIONS):
                connection.execute(sa.delete(table))
        return count

    # -- inside ------------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection | None]:
        if not self.writable:
            yield None
            return
        with self._engine.begin() as connection:
            yield connection

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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
