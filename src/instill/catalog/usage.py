"""The log of questions."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from instill.catalog.database import Database, now
from instill.catalog.labels import Labels, stored_labels
from instill.catalog.tables import CONVERSATIONS, JUDGEMENTS, TURNS, USAGE

_FIRST_DAY = 1_735_689_600
"""Seconds of 2025-01-01. Exchanges are numbered by the microseconds since: a count would tell who holds labels how much
others ask."""


class Usage(Database):
    """Each exchange: the question, the answer that was shown, and the documents behind it."""

    def log_usage(
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
    ) -> int | None:
        """Keep one exchange; its number, or None where nothing can be recorded.

        Args:
            citations: as `doc_id`, `start`, `end`.
            labels: what the caller holds who asked.
            answer: what was shown, as plain data.
            made_from: `MadeFrom.as_json()` of the documents behind the answer.
        """
        row = {
            "at": now(),
            "question": question,
            "standalone_question": standalone_question,
            "abstained": abstained,
            "confidence": confidence,
            "citations": json.dumps(list(citations)),
            "milliseconds": milliseconds,
            "labels": stored_labels(labels),
            "answer": None if answer is None else json.dumps(answer, ensure_ascii=False),
            "made_from": None if made_from is None else json.dumps(made_from, ensure_ascii=False),
        }
        with self.writing() as connection:
            if connection is None:
                return None
            number = int(1e6 * (time.time() - _FIRST_DAY))
            connection.execute(sa.insert(USAGE).values(usage_id=number, **row))
            return number

    def usage_count(self, labels: Labels = None) -> int:
        """How many exchanges the log holds that the caller may see."""
        query = sa.select(sa.func.count()).select_from(USAGE)
        with self._engine.connect() as connection:
            return int(connection.execute(query.where(self._seen_by(connection, USAGE, labels))).scalar_one())

    def clear_usage(self) -> int:
        """Delete the log and all conversations; returns how many exchanges were in the log."""
        count = self.usage_count()
        with self.writing() as connection:
            if connection is None:
                return 0
            for table in (JUDGEMENTS, USAGE, TURNS, CONVERSATIONS):
                connection.execute(sa.delete(table))
        return count
