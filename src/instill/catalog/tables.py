"""The tables of the catalog as they are now; how older catalogs become so is in `migrations.py`.

A text column that holds several things holds JSON (`JSON_COLUMNS`).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

METADATA = sa.MetaData()


class _Text(sa.types.TypeDecorator[str]):
    """Any text; PostgreSQL keeps no NUL, and compares by code point as SQLite does."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        is_postgres = dialect.name == "postgresql"
        return dialect.type_descriptor(sa.Text(collation="C") if is_postgres else sa.Text())

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return value.replace("\x00", "\ufffd") if value is not None and dialect.name == "postgresql" else value


_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # there only INTEGER numbers rows by itself


def _text(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, _Text, nullable=nullable, primary_key=key)


MIGRATIONS_TABLE = sa.Table("migrations", METADATA, sa.Column("name", sa.Text, primary_key=True))
ROOTS = sa.Table("roots", METADATA, _text("path", key=True), _text("labels"), _text("metadata"), _text("added"))
CONVERSATIONS = sa.Table(
    "conversations",
    METADATA,
    _text("conversation_id", key=True),
    _text("started"),
    _text("labels", nullable=True),
    _text("asked_by", nullable=True),
    _text("key_id", nullable=True),
)
"""`asked_by`, `key_id`: name and id of the key that began it; NULL: not known; "": none."""

TURNS = sa.Table(
    "turns",
    METADATA,
    sa.Column("turn_id", _WHOLE, primary_key=True, autoincrement=True),
    sa.Column("conversation_id", _Text, sa.ForeignKey("conversations.conversation_id"), nullable=False),
    _text("role"),
    _text("text"),
    _text("answer"),
    _text("at"),
)
USAGE = sa.Table(
    "usage",
    METADATA,
    sa.Column("usage_id", _WHOLE, primary_key=True, autoincrement=True),
    _text("at"),
    _text("question"),
    _text("standalone_question"),
    sa.Column("abstained", sa.Boolean, nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    _text("citations"),
    sa.Column("milliseconds", sa.Float, nullable=False),
    _text("labels", nullable=True),
    _text("answer", nullable=True),
    _text("made_from", nullable=True),
    _text("key_id", nullable=True),
)
"""One exchange: the question, the answer as it was shown (NULL: from before it was kept), the documents that it cites
or that a generator read for it, with their versions, and the id of the key that asked (NULL: not known, "": none)."""

JUDGEMENTS = sa.Table(
    "judgements",
    METADATA,
    sa.Column("judgement_id", _WHOLE, primary_key=True, autoincrement=True),
    sa.Column("usage_id", _WHOLE, sa.ForeignKey("usage.usage_id"), nullable=False),
    _text("at"),
    _text("verdict"),
    _text("correction"),
    _text("spans"),
    _text("note"),
    _text("judge"),
    _text("labels", nullable=True),
)
KEYS = sa.Table(
    "keys",
    METADATA,
    _text("key_id", key=True),
    _text("hash"),
    _text("name"),
    _text("role"),
    _text("labels", nullable=True),
    _text("origins"),
    sa.Column("rate", sa.Integer, nullable=False),
    _text("created"),
    _text("expires"),
    _text("last_used"),
    _text("revoked"),
)
"""Keys of the service; "" where a time is not set."""

SESSIONS = sa.Table(
    "sessions", METADATA, _text("hash", key=True), _text("key_id"), _text("csrf"), _text("created"), _text("expires")
)
JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("number", _WHOLE, primary_key=True, autoincrement=True),
    _text("job_id"),
    _text("lane"),
    _text("kind"),
    _text("arguments"),
    _text("labels", nullable=True),
    _text("asked_by"),
    _text("state"),
    _text("created"),
    _text("started"),
    _text("ended"),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("stop", sa.Boolean, nullable=False),
    _text("progress"),
    _text("result"),
    _text("dismissed", nullable=True),
)
"""`dismissed`: when somebody said that they have seen its failure; NULL: nobody has."""

JOB_EVENTS = sa.Table(
    "job_events",
    METADATA,
    sa.Column("number", _WHOLE, primary_key=True, autoincrement=True),
    _text("job_id"),
    _text("at"),
    _text("kind"),
    _text("data"),
)
USES = sa.Table(
    "uses",
    METADATA,
    sa.Column("use_id", _WHOLE, primary_key=True, autoincrement=True),
    sa.Column("usage_id", _WHOLE, sa.ForeignKey("usage.usage_id"), nullable=False),
    _text("at"),
    _text("question"),
    _text("doc_id"),
    _text("version"),
    _text("source_labels"),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    _text("text"),
    sa.Column("nth", sa.Integer, nullable=False),
    sa.Column("occurrences", sa.Integer, nullable=False),
    _text("claim_hash"),
    sa.Column("leads", sa.Boolean, nullable=False),
    _text("short"),
    _text("labels", nullable=True),
    sa.Column("vector", sa.LargeBinary, nullable=True),
    _text("fingerprint"),
)
"""The ledger: one span of a document that served an answer, with the document's version and labels of then. `nth` of
`occurrences` of its text in the document; `leads`: it carries the answer, the others were shown beside it. `vector` is
the question's, of the encoder `fingerprint`; "" where it is not made yet."""

SEEN_VERSIONS = sa.Table("seen_versions", METADATA, _text("doc_id", key=True), _text("version"), _text("first_seen"))
"""The version of a document that was met last, and when it was met first: since then the document is as it is."""

MEMORIES = sa.Table(
    "memories",
    METADATA,
    _text("fact_id", key=True),
    _text("question"),
    _text("answer"),
    _text("doc_id"),
    _text("version"),
    _text("source_labels"),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    _text("text"),
    sa.Column("nth", sa.Integer, nullable=False),
    sa.Column("occurrences", sa.Integer, nullable=False),
    _text("decision"),
    sa.Column("by_hand", sa.Boolean, nullable=False),
    _text("note"),
    _text("labels", nullable=True),
    _text("at"),
    _text("wordings", nullable=True),
)
"""Facts that somebody decided on: `decision` is "pinned", "excluded", "forgotten" or ""; `by_hand`: added or edited."""

CACHED_ANSWERS = sa.Table(
    "cached_answers",
    METADATA,
    sa.Column("cached_id", _WHOLE, primary_key=True, autoincrement=True),
    _text("at"),
    _text("used"),
    _text("question"),
    sa.Column("vector", sa.LargeBinary, nullable=False),
    _text("key"),
    _text("index_version"),
    _text("evidence"),
    _text("made_from"),
    _text("answer"),
)
"""Answers that may be shown again. `key`: what the answer depends on beside question and documents; `evidence`: what a
search for the question found."""

EDITS = sa.Table(
    "edits",
    METADATA,
    _text("edit_id", key=True),
    _text("at"),
    _text("base"),
    _text("subject"),
    _text("prompt"),
    _text("value"),
    _text("before"),
    _text("wordings"),
    _text("method"),
    _text("adapter"),
    _text("state"),
    _text("said"),
    _text("fact_id"),
    _text("doc_id"),
    _text("version"),
    _text("source_labels"),
)
"""What weights were made to say by hand: `base` is the model's hash, `before` what it said, `state` "in force", "not in
use", "undone" or "dissolved", `said` why; the fact of the memory and the document that say the same."""

FORGOTTEN = sa.Table("forgotten", METADATA, _text("source", key=True), _text("content", key=True))
"""Documents that no folder which shares this catalog adds again, by hashes; a folder alone has its own file."""

FORGOTTEN_FACTS = sa.Table(
    "forgotten_facts",
    METADATA,
    _text("doc_id", key=True),
    _text("hash", key=True),
    _text("fact_id"),
    _text("day"),
    _text("source"),
    sa.Column("words", sa.Integer, nullable=False),
)
"""Facts whose words stay blank; see `instill.memory.forgetting.forgotten_facts`."""

JSON_COLUMNS = (
    (ROOTS, "labels"), (ROOTS, "metadata"), (CONVERSATIONS, "labels"), (TURNS, "answer"), (USAGE, "citations"),
    (USAGE, "answer"), (USAGE, "made_from"), (JUDGEMENTS, "spans"), (KEYS, "labels"), (KEYS, "origins"),
    (JOBS, "arguments"), (JOBS, "labels"), (JOBS, "progress"), (JOBS, "result"), (JOB_EVENTS, "data"),
    (USES, "source_labels"), (USES, "labels"), (MEMORIES, "source_labels"), (MEMORIES, "labels"),
    (MEMORIES, "wordings"), (CACHED_ANSWERS, "made_from"), (CACHED_ANSWERS, "answer"), (EDITS, "wordings"),
    (EDITS, "source_labels"),
)  # fmt: skip
