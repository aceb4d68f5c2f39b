"""The log of questions: each question that was asked, the answer that was shown, and the documents behind it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from instill.catalog.database import Database, now
from instill.catalog.labels_of_conversations import Labels, stored_labels
from instill.catalog.tables import CACHED_ANSWERS, CONVERSATIONS, JUDGEMENTS, SEEN_VERSIONS, TURNS, USAGE, USES

_FIRST_DAY = 1_735_689_600
"""Seconds of 2025-01-01. Exchanges are numbered by the microseconds since: a count would tell who holds labels how much
others ask."""


class QuestionLog(Database):
    """Each exchange: the question, the answer that was shown, and the documents behind it."""

    def log_question(
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
        uses: Sequence[Mapping[str, Any]] = (),
        at: str = "",
        key_id: str = "",
    ) -> int | None:
        """Keep one exchange; its number, or None where nothing can be recorded.

        Args:
            citations: as `doc_id`, `start`, `end`.
            labels: what the caller holds who asked.
            answer: what was shown, as plain data.
            made_from: `MadeFrom.as_json()` of the documents behind the answer.
            uses: the spans that served the answer, for the ledger (`instill.answer.uses_of_answer.uses_of`).
            at: ISO 8601 UTC; "" for this moment.
            key_id: of the key that asked; "" without one.
        """
        row = {
            "at": at or now(),
            "question": question,
            "standalone_question": standalone_question,
            "abstained": abstained,
            "confidence": confidence,
            "citations": json.dumps(list(citations)),
            "milliseconds": milliseconds,
            "labels": stored_labels(labels),
            "answer": None if answer is None else json.dumps(answer, ensure_ascii=False),
            "made_from": None if made_from is None else json.dumps(made_from, ensure_ascii=False),
            "key_id": key_id,
        }
        with self.writing() as connection:
            if connection is None:
                return None
            number = self._free_number(connection)
            connection.execute(sa.insert(USAGE).values(usage_id=number, **row))
            self._keep_uses(connection, number, row, uses)
            return number

    @staticmethod
    def _free_number(connection: sa.Connection) -> int:
        """By the time; two exchanges of one microsecond follow each other."""
        number = int(1e6 * (time.time() - _FIRST_DAY))
        while connection.execute(sa.select(USAGE.c.usage_id).where(USAGE.c.usage_id == number)).first() is not None:
            number += 1
        return number

    @staticmethod
    def _keep_uses(
        connection: sa.Connection, number: int, exchange: Mapping[str, Any], uses: Sequence[Mapping[str, Any]]
    ) -> None:
        if not uses:
            return
        kept = {
            "usage_id": number,
            "at": exchange["at"],
            "question": exchange["standalone_question"],
            "labels": exchange["labels"],
            "fingerprint": "",
        }
        rows = [{**each, **kept, "source_labels": json.dumps(each["source_labels"])} for each in uses]
        connection.execute(sa.insert(USES), rows)
        QuestionLog.note_versions(connection, {each["doc_id"]: each["version"] for each in uses}, exchange["at"])

    @staticmethod
    def note_versions(connection: sa.Connection, versions: Mapping[str, str], at: str) -> None:
        """Note which version each document has at a time; one that is noted already keeps its time."""
        seen = [{"doc_id": doc_id, "version": version, "first_seen": at} for doc_id, version in versions.items()]
        if not seen:
            return
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        statement = insert(SEEN_VERSIONS)
        new = {"version": statement.excluded.version, "first_seen": statement.excluded.first_seen}
        differs = SEEN_VERSIONS.c.version != statement.excluded.version
        connection.execute(statement.on_conflict_do_update(index_elements=["doc_id"], set_=new, where=differs), seen)

    def question_count(self, labels: Labels = None) -> int:
        """How many exchanges the log holds that the caller may see."""
        query = sa.select(sa.func.count()).select_from(USAGE)
        with self._engine.connect() as connection:
            return int(connection.execute(query.where(self._seen_by(connection, USAGE, labels))).scalar_one())

    def clear_questions(self) -> int:
        """Delete the log, with ledger and cache, and all conversations; returns how many exchanges were in the log."""
        count = self.question_count()
        with self.writing() as connection:
            if connection is None:
                return 0
            for table in (JUDGEMENTS, USES, CACHED_ANSWERS, USAGE, TURNS, CONVERSATIONS):
                connection.execute(sa.delete(table))
        return count
