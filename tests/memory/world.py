"""A memory over a real index and catalog, with an encoder of hashed words: fast enough for thousands of steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from instill.answer.types import Answer, Citation, Claim, Trace
from instill.answer.uses_of_answer import read_documents, uses_of
from instill.catalog import Catalog, Labels
from instill.common.made_from import Caller, source_of
from instill.index.fusion import ZScoreFusion
from instill.index.index_for_caller import SeenIndex
from instill.index.types import Hit, SearchRequest
from instill.memory.answered_elsewhere import Ask, nobody
from instill.memory.recurring_facts import Around, Memory
from instill.memory.uses_log import stamp
from instill.models.encoders.protocol import Vectors
from instill.settings import MemorySettings
from tests.index.index_builders import FINGERPRINT, doc_id_of, document, encode, open_index


class HashedWords:
    """Encodes questions as the index's builder encodes passages."""

    fingerprint = FINGERPRINT

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return np.stack([encode(text) for text in texts])


class World:
    """Documents, questions and a clock."""

    def __init__(self, folder: Path, now: datetime, settings: MemorySettings) -> None:
        self.home = folder
        self.index = open_index(folder / "index")
        self.catalog = Catalog(folder / "catalog.db")
        self.now = now
        self.settings = settings
        self.answers: Ask = nobody

    def put(self, number: int, texts: Sequence[str], labels: Sequence[str] = (), **more: Any) -> None:
        self.index.commit([document(number, texts, labels=labels, **more)])

    def remove(self, number: int) -> None:
        self.index.remove([doc_id_of(number)])

    def ask(self, number: int, question: str, evidence: str, short: str, labels: Labels = None) -> None:
        """Somebody asks, and the span answers."""
        stored = self.index.document_text(doc_id_of(number))
        assert stored is not None
        start = stored.text.index(evidence)
        citation = Citation(stored.record.doc_id, stored.record.source, "", start, start + len(evidence), evidence)
        trace = Trace(question, question, "extractive")
        answer = Answer(evidence, (Claim(evidence, (citation,)),), 1.0, False, trace, short=short)
        self.catalog.log_question(
            question=question,
            standalone_question=question,
            abstained=False,
            confidence=1.0,
            citations=[{"doc_id": citation.doc_id, "start": start, "end": citation.end}],
            milliseconds=1.0,
            labels=labels,
            uses=uses_of(answer, read_documents([citation.doc_id], [stored])),
            at=stamp(self.now),
        )

    def memory(self, labels: Labels = None) -> Memory:
        index = self.index if labels is None else SeenIndex(self.index, labels)

        def present(doc_ids: Sequence[str]) -> list[Any]:
            return [source_of(record) for record in self.index.records(doc_ids=doc_ids)]

        around = Around(
            self.home,
            self.catalog,
            index,
            HashedWords(),  # type: ignore[arg-type]
            Caller(labels, present),
            self._search(index),
            self.settings,
            self.answers,
        )
        return Memory(around, self.now)

    def _search(self, index: Any) -> Callable[[str], Sequence[Hit]]:
        def search(text: str) -> Sequence[Hit]:
            hits: Sequence[Hit] = index.search(SearchRequest(text, k=10), encode(text), ZScoreFusion()).hits
            return hits

        return search

    def close(self) -> None:
        self.catalog.close()
