"""Conversations, the log of questions and what is learned from it: which documents an exchange shows, and taking
exchanges out for good."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

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
from instill.common.kept_answers import doc_ids_in, tells_of, without_passages
from instill.common.made_from import MadeFrom, Source
from instill.workspace.purge.questions_naming import Naming

NONE = Naming()

_Kept = tuple[str, sa.Column[Any] | None, tuple[sa.Column[Any], ...]]
"""A name, the column that tells rows apart, and the columns that say of which documents they are."""

_TURNS: _Kept = ("turn", TURNS.c.turn_id, (TURNS.c.answer,))
_LOG: _Kept = ("question", USAGE.c.usage_id, (USAGE.c.citations, USAGE.c.made_from))
_JUDGED: _Kept = ("judgement", JUDGEMENTS.c.judgement_id, (JUDGEMENTS.c.spans,))
_CACHE: _Kept = ("cached answers", CACHED_ANSWERS.c.cached_id, (CACHED_ANSWERS.c.made_from,))
_EXCHANGES = (_TURNS, _LOG, _JUDGED)
_REMEMBERED: tuple[_Kept, ...] = (
    ("ledger", None, (USES.c.doc_id,)),
    ("versions", None, (SEEN_VERSIONS.c.doc_id,)),
    ("facts", None, (MEMORIES.c.doc_id,)),
    ("edits", None, (EDITS.c.doc_id,)),
    _CACHE,
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


def _shown(catalog: Catalog, kept: Sequence[_Kept]) -> list[tuple[str, dict[int, set[str]]]]:
    if not catalog.exists:
        return []
    with catalog.reading() as connection:
        return [(each[0], _by_id(connection, each)) for each in kept]


@dataclass(frozen=True, slots=True)
class _Going:
    """The exchanges that go with some documents.

    Args:
        first: of each conversation, the turn from which on it is deleted.
        kept: answers that lose passages of the documents and stay, by turn.
        asked, judged: rows of the log, and judgements.
        count: exchanges; one that is in a conversation and in the log counts once.
    """

    first: Mapping[str, int]
    kept: Mapping[int, Mapping[str, Any]]
    asked: Sequence[int]
    judged: Sequence[int]
    count: int


def count_exchanges(catalog: Catalog, doc_ids: Iterable[str], naming: Naming = NONE) -> int:
    """How many exchanges `forget_exchanges` would delete. Everything that says how many uses this."""
    if not catalog.exists:
        return 0
    with catalog.reading() as connection:
        return _going(connection, frozenset(doc_ids), naming).count


def questions_left(catalog: Catalog, doc_ids: Iterable[str] = (), naming: Naming = NONE) -> int:
    """How many questions the log holds once `forget_exchanges` has deleted some."""
    if not catalog.exists:
        return 0
    with catalog.reading() as connection:
        if not sa.inspect(connection).has_table(USAGE.name):
            return 0
        every = int(connection.execute(sa.select(sa.func.count()).select_from(USAGE)).scalar_one())
        return every - len(_going(connection, frozenset(doc_ids), naming).asked)


def forget_exchanges(catalog: Catalog, doc_ids: Iterable[str], naming: Naming = NONE) -> int:
    """Take every exchange out that cites one of the documents or shows a passage of one as the nearest, and what was
    said after it in the same conversation; from conversations and from the log alike.

    So is one that a generator answered with a passage of them before it: it may repeat what it does not cite. What
    follows in a conversation may repeat either. Where passages of the documents were only considered and not shown,
    those are taken out, and the exchange stays. A question loses what it was understood as where that has a word which
    nobody asked with, because it may be one of a document; the question as it was asked stays. The file is then written
    anew, so that nothing is left of what was deleted.

    Args:
        naming: exchanges that go too, whatever they show.

    Returns:
        How many questions with their answers are gone, from conversations and the log.
    """
    gone = frozenset(doc_ids)
    if not catalog.exists or not catalog.writable:
        return 0
    with catalog.writing() as connection:
        if connection is None:
            return 0
        going = _going(connection, gone, naming)
        for conversation, first in going.first.items():
            later = sa.and_(TURNS.c.conversation_id == conversation, TURNS.c.turn_id >= first)
            connection.execute(sa.delete(TURNS).where(later))
        for number, answer in going.kept.items():
            pruned = json.dumps(without_passages(answer, gone), ensure_ascii=False)
            connection.execute(sa.update(TURNS).where(TURNS.c.turn_id == number).values(answer=pruned))
        for number in going.judged:
            connection.execute(sa.delete(JUDGEMENTS).where(JUDGEMENTS.c.judgement_id == number))
        for number in going.asked:
            connection.execute(sa.delete(JUDGEMENTS).where(JUDGEMENTS.c.usage_id == number))
            connection.execute(sa.delete(USES).where(USES.c.usage_id == number))
            connection.execute(sa.delete(USAGE).where(USAGE.c.usage_id == number))
        for number in naming.cached:
            connection.execute(sa.delete(CACHED_ANSWERS).where(CACHED_ANSWERS.c.cached_id == number))
        _forget_rewritings(connection)
        _forget_facts(connection, gone)
        left = sa.exists().where(TURNS.c.conversation_id == CONVERSATIONS.c.conversation_id)
        if going.first:
            connection.execute(sa.delete(CONVERSATIONS).where(~left))
    catalog.compact()
    return going.count


def _going(connection: sa.Connection, gone: frozenset[str], naming: Naming) -> _Going:
    """An exchange goes from the log and from every conversation that holds it, or stays in both."""
    rows = connection.execute(sa.select(TURNS.c.turn_id, TURNS.c.conversation_id, TURNS.c.role, TURNS.c.answer)).all()
    logged = {row.turn_id: _logged_as(row.answer) for row in rows if row.role != "user"}
    asked = {number for number, shown in _by_id(connection, _LOG).items() if shown & gone} | set(naming.asked)
    showing = sorted(number for number, shown in _by_id(connection, _TURNS).items() if shown & gone)
    answers = {number: _answer(connection, number) for number in showing}
    told = {number for number, answer in answers.items() if tells_of(answer, gone)} | logged.keys() & naming.turns
    told |= {number for number, exchange in logged.items() if exchange in asked}
    first = _first_turns(connection, told)
    deleted = [row for row in rows if row.turn_id >= first.get(row.conversation_id, row.turn_id + 1)]
    of_log = {number for row in deleted if (number := logged.get(row.turn_id)) is not None}
    unlogged = sum(row.role == "user" for row in deleted) - sum(logged.get(row.turn_id) is not None for row in deleted)
    judged = sorted(number for number, shown in _by_id(connection, _JUDGED).items() if shown & gone)
    kept = {number: answer for number, answer in answers.items() if number not in {row.turn_id for row in deleted}}
    return _Going(first, kept, sorted(asked | of_log), judged, len(asked | of_log) + unlogged)


def _logged_as(answer: str | None) -> int | None:
    """The number in the log of an answer in a conversation; None where it was not logged."""
    try:
        found = json.loads(answer or "{}")
    except (ValueError, RecursionError):
        return None
    number = found.get("question_id") if isinstance(found, dict) else None
    return number if isinstance(number, int) else None


def _forget_rewritings(connection: sa.Connection) -> None:
    """Put the question as it was asked in the place of what it was understood as, unless every word of that stands in a
    question that is still there: then it is of what people asked, and not of a document."""
    rows = connection.execute(sa.select(USAGE.c.usage_id, USAGE.c.question, USAGE.c.standalone_question)).all()
    asked = {word for row in rows for word in _words(row.question)}
    for row in rows:
        if not asked.issuperset(_words(row.standalone_question)):
            changed = sa.update(USAGE).where(USAGE.c.usage_id == row.usage_id)
            connection.execute(changed.values(standalone_question=row.question))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _forget_facts(connection: sa.Connection, gone: frozenset[str]) -> None:
    """Take out what the ledger, the facts and the cache of answers keep of the documents."""
    cached = [number for number, shown in _by_id(connection, _CACHE).items() if shown & gone]
    for number in cached:
        connection.execute(sa.delete(CACHED_ANSWERS).where(CACHED_ANSWERS.c.cached_id == number))
    for doc_id in sorted(gone):
        for table in (USES, MEMORIES, EDITS, SEEN_VERSIONS):
            connection.execute(sa.delete(table).where(table.c.doc_id == doc_id))
    # A use holds its question as it was understood.
    asked = sa.select(USAGE.c.standalone_question).where(USAGE.c.usage_id == USES.c.usage_id).scalar_subquery()
    changed = sa.update(USES).where(USES.c.question != asked)
    connection.execute(changed.values(question=asked, vector=None, fingerprint=""))


def _answer(connection: sa.Connection, number: int) -> dict[str, Any]:
    text = connection.execute(sa.select(TURNS.c.answer).where(TURNS.c.turn_id == number)).scalar_one()
    return dict(json.loads(text))


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


def _by_id(connection: sa.Connection, kept: _Kept) -> dict[int, set[str]]:
    """The documents that each row shows; of rows that are not told apart under 0.

    A catalog of an older Instill, on storage that takes no writing, may lack tables and columns.
    """
    _, number, columns = kept
    inspected = sa.inspect(connection)
    table = columns[0].table.name
    if not inspected.has_table(table):
        return {}
    there = {each["name"] for each in inspected.get_columns(table)}
    columns = tuple(column for column in columns if column.name in there)
    found: dict[int, set[str]] = {}
    for row in connection.execute(sa.select(*columns) if number is None else sa.select(number, *columns)):
        at, texts = (0, row) if number is None else (int(row[0]), row[1:])
        doc_ids = set(texts) if number is None else {doc_id for text in texts for doc_id in _doc_ids(text)}
        if doc_ids:
            found.setdefault(at, set()).update(doc_ids)
    return found


def _doc_ids(text: str | None) -> Iterator[str]:
    """Every `doc_id` anywhere in a JSON text; nothing in what is no JSON."""
    try:
        yield from doc_ids_in(json.loads(text) if text else None)
    except (ValueError, RecursionError):
        return
