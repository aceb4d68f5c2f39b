"""The changes that turn a catalog of an older Instill into the present one, in order; the tables are in `tables.py`.

Each change runs once, in one transaction with those before it, and its name is kept in the table `migrations`. To
change a table, change it in `tables.py` and append a change here that does the same to an existing catalog.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from instill.catalog.tables import (
    CACHED_ANSWERS,
    CONVERSATIONS,
    EDITS,
    FORGOTTEN,
    FORGOTTEN_FACTS,
    JOB_EVENTS,
    JOBS,
    JUDGEMENTS,
    KEYS,
    MEMORIES,
    ROOTS,
    SEEN_VERSIONS,
    SESSIONS,
    TURNS,
    USAGE,
    USES,
)


def first_tables(connection: sa.Connection) -> None:
    """What a catalog began with; on a new one the tables are made as they are now."""
    for table in (ROOTS, CONVERSATIONS, TURNS, USAGE):
        table.create(connection, checkfirst=True)
    connection.exec_driver_sql("CREATE INDEX IF NOT EXISTS turns_by_conversation ON turns (conversation_id)")


def _labels(connection: sa.Connection) -> None:
    """Conversations and questions from before are the owner's: under which labels they were held is not known."""
    for table in (CONVERSATIONS, USAGE):
        _add_columns(connection, table, "labels")


def _service(connection: sa.Connection) -> None:
    """Keys, sessions and jobs of the service, and what people say of answers."""
    _add_columns(connection, USAGE, "answer", "made_from")
    for table in (JUDGEMENTS, KEYS, SESSIONS, JOBS, JOB_EVENTS):
        table.create(connection, checkfirst=True)
    for statement in (
        "CREATE INDEX IF NOT EXISTS judgements_by_question ON judgements (usage_id)",
        "CREATE UNIQUE INDEX IF NOT EXISTS keys_by_hash ON keys (hash)",
        "CREATE UNIQUE INDEX IF NOT EXISTS jobs_by_id ON jobs (job_id)",
        "CREATE INDEX IF NOT EXISTS events_by_job ON job_events (job_id, number)",
    ):
        connection.exec_driver_sql(statement)


def _memory(connection: sa.Connection) -> None:
    """Which spans served which answers, what was decided on facts, and answers that may be shown again."""
    for table in (USES, SEEN_VERSIONS, MEMORIES, CACHED_ANSWERS):
        table.create(connection, checkfirst=True)
    for statement in (
        "CREATE INDEX IF NOT EXISTS uses_by_question ON uses (usage_id)",
        "CREATE INDEX IF NOT EXISTS uses_by_document ON uses (doc_id)",
        "CREATE INDEX IF NOT EXISTS cached_by_key ON cached_answers (key)",
    ):
        connection.exec_driver_sql(statement)


def _edits(connection: sa.Connection) -> None:
    """What weights were made to say by hand."""
    EDITS.create(connection, checkfirst=True)


def _seen_and_whose(connection: sa.Connection) -> None:
    """Whose a conversation is, and whether a job's failure was seen."""
    _add_columns(connection, CONVERSATIONS, "asked_by")
    _add_columns(connection, JOBS, "dismissed")


def _keys_that_asked(connection: sa.Connection) -> None:
    """Which key asked. Of what was asked before, it is not known, so that only admins see it."""
    for table in (CONVERSATIONS, USAGE):
        _add_columns(connection, table, "key_id")


def _wordings_by_hand(connection: sa.Connection) -> None:
    """Other wordings of a fact's question that somebody wrote."""
    _add_columns(connection, MEMORIES, "wordings")


def _forgotten(connection: sa.Connection) -> None:
    """What no folder that shares the catalog adds again."""
    for table in (FORGOTTEN, FORGOTTEN_FACTS):
        table.create(connection, checkfirst=True)


def _add_columns(connection: sa.Connection, table: sa.Table, *names: str) -> None:
    there = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
    for name in names:
        if name not in there:
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {name} TEXT")


MIGRATIONS: Sequence[tuple[str, Callable[[sa.Connection], None]]] = (
    ("0001_first_tables", first_tables),
    ("0002_labels", _labels),
    ("0003_service", _service),
    ("0004_memory", _memory),
    ("0005_edits", _edits),
    ("0006_seen_and_whose", _seen_and_whose),
    ("0007_keys_that_asked", _keys_that_asked),
    ("0008_wordings_by_hand", _wordings_by_hand),
    ("0009_forgotten", _forgotten),
)
