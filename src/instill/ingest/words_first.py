"""A large folder can be searched before the encoder has read it: its first vectors are told from words.

The encoder reads about the first thousand passages of a run. If many passages are to follow, a map from words to
vectors is fitted to them, and the vectors of the others are told by it, a hundred times as fast. Such documents are
marked by their passage identity, and `instill.ingest.refining` computes their vectors afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from instill.ingest.passages import BATCH_PASSAGES
from instill.models.encoders.estimated import DocumentVectors
from instill.models.encoders.protocol import Encoder, Vectors
from instill.models.encoders.word_vectors import WordVectors


class WordsFirst:
    """Decides, in the course of a run, from when vectors are told from words; and tells them, in a thread of its own.

    Args:
        open_encoder: called only when there is something to encode.
        from_passages: how many passages must be waiting; 0: never.
    """

    def __init__(self, open_encoder: Callable[[], Encoder], from_passages: int) -> None:
        self._open_encoder = open_encoder
        self._from = from_passages
        self._words: WordVectors | None = None
        self._sample: tuple[list[str], Vectors] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="instill-words")  # starts with the first batch

    def is_worth_it(self, passages: int) -> bool:
        """Whether so many passages, or about so many, that wait are enough."""
        return bool(self._from) and (self._words is not None or passages >= self._from)

    @property
    def can_begin(self) -> bool:
        """Whether the encoder has read enough."""
        enough = self._sample is not None and len(self._sample[0]) >= BATCH_PASSAGES // 2
        return self._words is not None or enough

    def learn_from(self, batch: Sequence[Sequence[str]], found: Sequence[DocumentVectors]) -> None:
        """Note what the encoder gave for the texts of each document. Small batches are put together, until one of
        a full size comes, which replaces them."""
        if not self._from or self._words is not None or not any(batch):
            return
        texts = [text for document in batch for text in document]
        vectors = np.concatenate([each.vectors for each in found])
        if self._sample is not None and not self.can_begin:
            self._sample = ([*self._sample[0], *texts], np.concatenate([self._sample[1], vectors]))
        elif self._sample is None or len(texts) >= BATCH_PASSAGES // 2:
            self._sample = (texts, vectors)

    def encode(self, batch: Sequence[Sequence[str]]) -> Future[list[DocumentVectors]]:
        """As `Workers.encode`."""
        return self._thread.submit(self._told, batch)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)

    def _told(self, batch: Sequence[Sequence[str]]) -> list[DocumentVectors]:
        texts = [text for document in batch for text in document]
        if self._words is None:
            encoder = self._open_encoder()
            has_enough = self._sample is not None and self.can_begin
            sample, vectors = (has_enough and self._sample) or _sample_of(texts, encoder)
            self._words, self._sample = WordVectors(encoder, sample, vectors), None
        told = self._words.vectors(texts)
        found: list[DocumentVectors] = []
        first = 0
        for document in batch:
            found.append(DocumentVectors(told[first : first + len(document)], np.zeros(len(document), np.bool_)))
            first += len(document)
        return found


def _sample_of(texts: Sequence[str], encoder: Encoder) -> tuple[list[str], Vectors]:
    """A batch of the texts of one very long document, and what the encoder gives for them."""
    chosen = np.random.default_rng(0).choice(len(texts), min(len(texts), BATCH_PASSAGES), replace=False)
    sample = [texts[number] for number in np.sort(chosen)]
    return sample, encoder.encode_passages(sample)
