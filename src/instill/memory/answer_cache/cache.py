"""The cache of answers: an answer is shown again while nothing has changed that it was made from.

An entry is found by the meaning of its question (`earlier_question.py`) among those that were made in the same way, for
a caller with the same labels. It is shown only after it was compared with the index as it is at that moment:

* the index is at the version at which the answer was made, or a search for its question brings up the same passages of
  the same documents, unchanged in text, place, title, source, metadata and labels;
* and every span that it cites stands where it stood, in a document that the caller sees.

Nothing has to be told of a change, so that no process that dies can forget to. An entry that no longer fits is deleted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from instill.answer.asked.compared_things import sides_of
from instill.answer.asked.must_be_spoken_of import pins_of
from instill.answer.citations import holds
from instill.answer.types import Answer
from instill.catalog import Catalog, now
from instill.catalog.tables import CACHED_ANSWERS
from instill.common.made_from import MadeFrom, made_from
from instill.index.store import Index
from instill.index.types import Hit
from instill.memory.answer_cache.earlier_question import Earlier, earlier_of, likeness
from instill.memory.uses_log import read_vector, stored_vector
from instill.models.encoders.protocol import Encoder

if TYPE_CHECKING:
    from instill.answer.reading.reader import Reader

NOTICE = "This answer was given before; what it cites has not changed since."

_NEAREST = 3
"""So many entries are looked at for a question."""

Search = Callable[[str], Sequence[Hit]]
"""The passages from which an answer to a question is made, as the caller sees them."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a search for a question finds, as one hash, and the documents that it is from."""

    hash: str
    made_from: MadeFrom


@dataclass(frozen=True, slots=True, eq=False)
class AnswerCache:
    """The cached answers of one caller, made in one way.

    Args:
        index: as the caller sees it.
        key: a hash of all that an answer depends on beside question and documents; the caller's labels are in it.
        threshold: least likeness of two questions; see `earlier_question.likeness`.
        most: entries that are kept, of all callers together.
        reader: without one, only the very same question is found.
    """

    catalog: Catalog
    index: Index
    encoder: Encoder
    search: Search
    key: str
    threshold: float
    most: int
    reader: Callable[[], Reader | None]

    def version(self) -> str:
        """The index's: it changes with every commit, and with every generation."""
        return f"{self.index.generation.name}:{self.index.version()}"

    def find(self, question: str) -> Answer | None:
        """An answer that may be shown for `question` now, or None."""
        started = perf_counter()
        entries = self._entries()
        if not entries:
            return None
        vector = self.encoder.encode_queries([question])[0]
        alike = np.stack([entry.vector for _, entry in entries]) @ vector
        for place in np.argsort(-alike, kind="stable")[:_NEAREST]:
            number, entry = entries[int(place)]
            answer = self._read(number)
            if answer is None:
                continue
            earlier = earlier_of(entry.question, entry.vector, answer)
            if likeness(question, vector, earlier, self.reader()) < self.threshold:
                continue
            if not self._holds(number, entry.question, answer):
                self._delete(number)
                continue
            self._used(number)
            trace = replace(answer.trace, question=question, standalone_question=question, tier="cache")
            took = 1e3 * (perf_counter() - started)
            return replace(answer, trace=trace, notices=(NOTICE,), timings={"cache": took, "total": took})
        return None

    def keep(self, question: str, answer: Answer, version: str) -> None:
        """Keep an answer, if it is one that may be shown again and the index has not changed while it was made.

        Refusals are not kept, nor is what had to be noticed (a word that was misspelt, a generator that failed), or was
        looked for in other ways beside the question itself.

        Args:
            version: the index's before the answer was made.

        Raises:
            WorkspaceError: the catalog cannot be written.
        """
        if answer.abstained or not answer.claims or answer.notices or not _is_simple(question, answer):
            return
        evidence = self._evidence(question)
        shown = {each.doc_id for each in answer.citations}
        shown |= {each.doc_id for each in (*answer.trace.candidates, *answer.trace.context)}
        if shown - evidence.made_from.doc_ids or self.version() != version:
            return
        vector = self.encoder.encode_queries([question])[0]
        row = {
            "at": now(),
            "used": now(),
            "question": question,
            "vector": stored_vector(vector),
            "key": self.key,
            "index_version": version,
            "evidence": evidence.hash,
            "made_from": json.dumps(evidence.made_from.as_json()),
            "answer": json.dumps(replace(answer, question_id=None).as_dict()),
        }
        table = CACHED_ANSWERS
        with self.catalog.writing() as connection:
            if connection is None:
                return
            connection.execute(sa.delete(table).where(table.c.key == self.key, table.c.question == question))
            connection.execute(sa.insert(table).values(row))
            newest = sa.select(table.c.cached_id).order_by(table.c.used.desc(), table.c.cached_id.desc())
            connection.execute(sa.delete(table).where(table.c.cached_id.not_in(newest.limit(self.most))))

    # -- inside ------------------------------------------------------------------------------------------------

    def _entries(self) -> list[tuple[int, Earlier]]:
        table = CACHED_ANSWERS
        with self.catalog.reading() as connection:
            if table.name not in sa.inspect(connection).get_table_names():
                return []
            query = sa.select(table.c.cached_id, table.c.question, table.c.vector).where(table.c.key == self.key)
            rows = connection.execute(query.order_by(table.c.cached_id)).all()
        return [(row.cached_id, Earlier(row.question, "", "", "", read_vector(row.vector))) for row in rows]

    def _read(self, number: int) -> Answer | None:
        from pydantic import TypeAdapter, ValidationError

        with self.catalog.reading() as connection:
            query = sa.select(CACHED_ANSWERS.c.answer).where(CACHED_ANSWERS.c.cached_id == number)
            stored = connection.execute(query).scalar_one_or_none()
        try:
            return None if stored is None else TypeAdapter(Answer).validate_json(stored)
        except ValidationError:  # Of an Instill that kept other things.
            self._delete(number)
            return None

    def _holds(self, number: int, question: str, answer: Answer) -> bool:
        """Is all as it was when the answer was made?"""
        version = self.version()
        with self.catalog.reading() as connection:
            query = sa.select(CACHED_ANSWERS.c.index_version, CACHED_ANSWERS.c.evidence)
            row = connection.execute(query.where(CACHED_ANSWERS.c.cached_id == number)).first()
        if row is None:
            return False
        if row.index_version != version:
            if self._evidence(question).hash != row.evidence or self.version() != version:
                return False
            self._update(number, index_version=version)
        texts: dict[str, str | None] = {}
        for citation in answer.citations:
            if citation.doc_id not in texts:
                stored = self.index.document_text(citation.doc_id)
                texts[citation.doc_id] = None if stored is None else stored.text
            if not holds(citation, texts[citation.doc_id]):
                return False
        return True

    def _evidence(self, question: str) -> Evidence:
        hits = self.search(question)
        doc_ids = sorted({hit.doc_id for hit in hits})
        records = self.index.records(doc_ids=doc_ids) if doc_ids else []
        documents = [
            [
                each.doc_id,
                each.source,
                each.title,
                each.content_hash,
                sorted(each.labels),
                sorted(each.metadata.items()),
            ]
            for each in sorted(records, key=lambda record: record.doc_id)
        ]
        passages = sorted([hit.doc_id, str(hit.start), str(hit.end), hit.headings, hit.text] for hit in hits)
        found = hashlib.sha256(json.dumps([documents, passages], default=str).encode()).hexdigest()
        return Evidence(found, made_from(records))

    def _used(self, number: int) -> None:
        self._update(number, used=now())

    def _update(self, number: int, **values: str) -> None:
        if self.catalog.full:
            return
        with self.catalog.writing() as connection:
            if connection is not None:
                where = CACHED_ANSWERS.c.cached_id == number
                connection.execute(sa.update(CACHED_ANSWERS).where(where).values(values))

    def _delete(self, number: int) -> None:
        if self.catalog.full:
            return
        with self.catalog.writing() as connection:
            if connection is not None:
                connection.execute(sa.delete(CACHED_ANSWERS).where(CACHED_ANSWERS.c.cached_id == number))


def _is_simple(question: str, answer: Answer) -> bool:
    """Was the question searched for as it is, and once?"""
    same = answer.trace.standalone_question == " ".join(question.split())
    return same and not sides_of(question) and not any(pin.kind == "code" for pin in pins_of(question))
