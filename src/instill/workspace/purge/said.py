"""Conversations, the log of questions and what is learned from it: which documents an exchange shows, and taking
exchanges out for good."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from instill.answer.asked.spelling import ASKED, MENDED
from instill.catalog import Catalog
from instill.catalog.tables import (
    CACHED_ANSWERS,
    CONVERSATIONS,
    EDITS,
    JUDGEMENTS,
    MEMORIES,
    SEEN_VERSIONS,
    TURNS,
    USAGE,
    USES,
)
from instill.common.derived import MadeFrom, Source

_SHOWN_BY_TURNS = """
    SELECT DISTINCT turns.turn_id AS id, found.value AS doc_id FROM turns, json_tree(turns.answer) AS found
    WHERE found.key = 'doc_id' AND json_valid(turns.answer)
"""
_SHOWN_BY_LOG = """
    SELECT DISTINCT usage.usage_id AS id, found.value AS doc_id FROM usage, json_tree(usage.citations) AS found
    WHERE found.key = 'doc_id' AND json_valid(usage.citations)
    UNION
    SELECT DISTINCT usage.usage_id AS id, found.value AS doc_id FROM usage, json_tree(usage.made_from) AS found
    WHERE found.key = 'doc_id' AND json_valid(usage.made_from)
"""
_SHOWN_BY_JUDGEMENTS = """
    SELECT DISTINCT judgements.judgement_id AS id, found.value AS doc_id
    FROM judgements, json_tree(judgements.spans) AS found
    WHERE found.key = 'doc_id' AND json_valid(judgements.spans)
"""

_SHOWN_BY_CACHE = """
    SELECT DISTINCT cached_answers.cached_id AS id, found.value AS doc_id
    FROM cached_answers, json_tree(cached_answers.made_from) AS found
    WHERE found.key = 'doc_id' AND json_valid(cached_answers.made_from)
"""
_SHOWN_BY_USES = "SELECT use_id AS id, doc_id FROM uses"
_SHOWN_BY_MEMORIES = "SELECT rowid AS id, doc_id FROM memories"
_SHOWN_BY_EDITS = "SELECT rowid AS id, doc_id FROM edits"
_SHOWN_BY_VERSIONS = "SELECT rowid AS id, doc_id FROM seen_versions"

_EXCHANGES = (
    ("turn", "turns", _SHOWN_BY_TURNS),
    ("question", "usage", _SHOWN_BY_LOG),
    ("judgement", "judgements", _SHOWN_BY_JUDGEMENTS),
)
_REMEMBERED = (
    ("ledger", "uses", _SHOWN_BY_USES),
    ("versions", "seen_versions", _SHOWN_BY_VERSIONS),
    ("facts", "memories", _SHOWN_BY_MEMORIES),
    ("edits", "edits", _SHOWN_BY_EDITS),
    ("cached answers", "cached_answers", _SHOWN_BY_CACHE),
)


def spoken_of(catalog: Catalog) -> list[tuple[str, MadeFrom]]:
    """Of each kept answer that shows documents a name ("turn 7", "question 3") and the documents.

    Versions and labels are not known of them: "" and (). A cited or nearest passage counts.
    """
    return [
        (f"{noun} {number}", MadeFrom(tuple(Source(doc_id, "") for doc_id in sorted(doc_ids))))
        for noun, by_id in _shown(catalog, _EXCHANGES)
        for number, doc_ids in by_id.items()
    ]


def remembered_of(catalog: Catalog) -> list[tuple[str, MadeFrom]]:
    """Of the ledger, the facts that were decided on and the cache of answers a name and the documents, where there are
    any."""
    found = []
    for noun, by_id in _shown(catalog, _REMEMBERED):
        doc_ids = {doc_id for each in by_id.values() for doc_id in each}
        if doc_ids:
            found.append((noun, MadeFrom(tuple(Source(doc_id, "") for doc_id in sorted(doc_ids)))))
    return found


def _shown(catalog: Catalog, kept: Sequence[tuple[str, str, str]]) -> list[tuple[str, dict[int, set[str]]]]:
    if not catalog.path.exists():
        return []
    engine = _engine(catalog)
    try:
        with engine.connect() as connection:
            return [(noun, _by_id(connection, query)) for noun, query in _queries(connection, kept)]
    finally:
        engine.dispose()


def _queries(connection: sa.Connection, kept: Sequence[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """Those that a catalog can be asked: one of an older Instill, on storage that takes no writing, keeps less."""
    there = set(sa.inspect(connection).get_table_names())
    found = [(noun, query) for noun, table, query in kept if table in there]
    if "judgements" in there:
        return found
    return [(noun, query.partition("UNION")[0] if noun == "question" else query) for noun, query in found]


def forget_exchanges(catalog: Catalog, doc_ids: Iterable[str]) -> int:
    """Take every exchange out that cites one of the documents, and what was said after it in the same conversation.

    So is one that a generator answered with a passage of them before it: it may repeat what it does not cite. What
    follows in a conversation may repeat either. Where passages of the documents were only considered, those are taken
    out, and the exchange stays. Follow-ups lose what they were understood as, which may name a document; the question
    as it was asked stays. The file is then written anew, so that nothing is left of what was deleted.

    Returns:
        How many questions with their answers are gone, from conversations and the log.
    """
    gone = frozenset(doc_ids)
    if not catalog.path.exists() or not catalog.writable:
        return 0
    engine = _engine(catalog)
    try:
        with engine.begin() as connection:
            showing = {number for number, shown in _by_id(connection, _SHOWN_BY_TURNS).items() if shown & gone}
            answers = {number: _answer(connection, number) for number in sorted(showing)}
            told = [number for number, answer in answers.items() if _tells_of(answer, gone)]
            count = 0
            for conversation, first in _first_turns(connection, told).items():
                later = sa.and_(TURNS.c.conversation_id == conversation, TURNS.c.turn_id >= first)
                questions = sa.select(sa.func.count()).select_from(TURNS).where(later, TURNS.c.role == "user")
                count += int(connection.execute(questions).scalar_one())
                connection.execute(sa.delete(TURNS).where(later))
            for number, answer in answers.items():
                pruned = json.dumps(_pruned(answer, gone), ensure_ascii=False)
                connection.execute(sa.update(TURNS).where(TURNS.c.turn_id == number).values(answer=pruned))
            asked = [number for number, shown in _by_id(connection, _SHOWN_BY_LOG).items() if shown & gone]
            for number, shown in _by_id(connection, _SHOWN_BY_JUDGEMENTS).items():
                if shown & gone:
                    connection.execute(sa.delete(JUDGEMENTS).where(JUDGEMENTS.c.judgement_id == number))
            for number in asked:
                connection.execute(sa.delete(JUDGEMENTS).where(JUDGEMENTS.c.usage_id == number))
                connection.execute(sa.delete(USES).where(USES.c.usage_id == number))
                connection.execute(sa.delete(USAGE).where(USAGE.c.usage_id == number))
            connection.execute(sa.update(USAGE).values(standalone_question=USAGE.c.question))
            _forget_facts(connection, gone)
            left = sa.exists().where(TURNS.c.conversation_id == CONVERSATIONS.c.conversation_id)
            if told:
                connection.execute(sa.delete(CONVERSATIONS).where(~left))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return count + len(asked)
    finally:
        engine.dispose()


def _forget_facts(connection: sa.Connection, gone: frozenset[str]) -> None:
    """Take out what the ledger, the facts and the cache of answers keep of the documents."""
    cached = [number for number, shown in _by_id(connection, _SHOWN_BY_CACHE).items() if shown & gone]
    for number in cached:
        connection.execute(sa.delete(CACHED_ANSWERS).where(CACHED_ANSWERS.c.cached_id == number))
    for doc_id in sorted(gone):
        for table in (USES, MEMORIES, EDITS, SEEN_VERSIONS):
            connection.execute(sa.delete(table).where(table.c.doc_id == doc_id))
    # A use holds its question as it was understood, which may name a document.
    asked = sa.select(USAGE.c.question).where(USAGE.c.usage_id == USES.c.usage_id).scalar_subquery()
    changed = sa.update(USES).where(USES.c.question != asked)
    connection.execute(changed.values(question=asked, vector=None, fingerprint=""))


def _answer(connection: sa.Connection, number: int) -> dict[str, Any]:
    text = connection.execute(sa.select(TURNS.c.answer).where(TURNS.c.turn_id == number)).scalar_one()
    return dict(json.loads(text))


def _tells_of(answer: Mapping[str, Any], gone: frozenset[str]) -> bool:
    """Whether the words of the answer may be those of the documents."""
    trace = answer.get("trace") or {}
    read = trace.get("context") or () if trace.get("method") == "generator" else ()
    if any(MENDED in notice for notice in answer.get("notices") or ()) or ASKED in (answer.get("text") or ""):
        read = (*read, *(trace.get("candidates") or ()))  # A word of theirs may stand in the place of a misspelt one.
    cited = [citation for claim in answer.get("claims") or () for citation in claim.get("citations") or ()]
    return any(place.get("doc_id") in gone for place in (*cited, *read))


def _pruned(answer: Mapping[str, Any], gone: frozenset[str]) -> dict[str, Any]:
    """The answer without passages of the documents that were considered for it."""
    trace = dict(answer.get("trace") or {})
    for name in ("candidates", "context"):
        trace[name] = [place for place in trace.get(name) or () if place.get("doc_id") not in gone]
    nearest = [
        claim
        for claim in answer.get("nearest") or ()
        if not any(citation.get("doc_id") in gone for citation in claim.get("citations") or ())
    ]
    trace |= {"clusters": [], "standalone_question": trace.get("question", "")}
    return {**answer, "trace": trace, "nearest": nearest}


def _first_turns(connection: sa.Connection, turns: Iterable[int]) -> dict[str, int]:
    """Of each conversation the turn from which on it is taken out: the question before the first of these answers."""
    first: dict[str, int] = {}
    for number in sorted(turns):
        row = connection.execute(sa.select(TURNS.c.conversation_id).where(TURNS.c.turn_id == number)).one()
        if row.conversation_id in first:
            continue
        before = connection.execute(
            sa.select(sa.func.max(TURNS.c.turn_id)).where(
                TURNS.c.conversation_id == row.conversation_id, TURNS.c.turn_id < number, TURNS.c.role == "user"
            )
        ).scalar_one_or_none()
        first[row.conversation_id] = number if before is None else int(before)
    return first


def _by_id(connection: sa.Connection, query: str) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for row in connection.execute(sa.text(query)):
        found.setdefault(int(row.id), set()).add(str(row.doc_id))
    return found


def _engine(catalog: Catalog) -> sa.Engine:
    if catalog.writable:
        return sa.create_engine(f"sqlite:///{catalog.path}", connect_args={"timeout": 30})
    wal = catalog.path.with_name(catalog.path.name + "-wal")
    immutable = "" if wal.exists() else "&immutable=1"
    return sa.create_engine(f"sqlite:///file:{catalog.path}?mode=ro{immutable}&uri=true")
