"""The encoder that ONNX Runtime runs: one thread a batch, as many batches at once as there are threads, whoever asks.

Threads that each have their own text need not wait for one another within a layer, and a text of a few hundred
tokens stays in a core's cache; both measured faster than large padded batches spread over the cores.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from instill.errors import WorkspaceError
from instill.models.encoders.batches import Batch, batches_of_equal_length
from instill.models.encoders.export import MODEL_FILE, TOKENIZER_FILE
from instill.models.encoders.known_vectors import KnownVectors
from instill.models.encoders.onnx_session import open_session
from instill.models.encoders.protocol import Vectors
from instill.models.encoders.shared_threads import Workers
from instill.models.encoders.shared_tokenizers import tokenizer_of

_BLOCK = 4096  # Texts tokenised at once: bounds memory, and lets progress be shown.
_WORDS_TOKENS = 512  # of a run of words: the overhead of a run is gone, and so many still lie in a core's cache


class OnnxEncoder:
    """An exported encoder; made by `instill.models.encoders.open_encoder`.

    A text's vector does not depend on the texts beside it. In int8 it is the same to the last bit, since each text is
    a run of its own; in float32 batches hold texts of one length without padding, and only the order of sums differs
    with the size of the batch (differences near 1e-7). Where it is the same to the last bit, those of the texts that
    were encoded last are remembered.

    Args:
        folder: a cache entry with the model and its tokenizer.
        manifest: the entry's manifest.
        threads: 0 for one a core.

    Raises:
        WorkspaceError: ONNX Runtime or tokenizers refuse the files.
    """

    model_file = MODEL_FILE
    remedy = "Remove that folder."

    def __init__(self, folder: Path, manifest: dict[str, Any], *, threads: int = 0) -> None:
        self._folder = folder
        self._manifest = manifest
        self._workers = Workers(threads or available_cores(), "encode")
        self._tokens = self._load_tokenizer(self.max_tokens)
        self._known = KnownVectors() if int(manifest["batch_tokens"]) == 1 else None

    @property
    def fingerprint(self) -> str:
        return str(self._manifest["fingerprint"])

    @property
    def dimension(self) -> int:
        return int(self._manifest["dimension"])

    @property
    def max_tokens(self) -> int:
        return int(self._manifest["max_tokens"])

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """For counting: neither truncates nor pads."""
        return self._load_tokenizer()

    def encode_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """See `Encoder.encode_passages`."""
        return self._encode(texts, str(self._manifest["passage_prompt"]), progress)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_queries`."""
        return self._encode(texts, str(self._manifest["query_prompt"]), None)

    def encode_words(self, texts: Sequence[str]) -> Vectors:
        """See `EncodesWords.encode_words`."""
        prompt = str(self._manifest["passage_prompt"])
        return self._computed([prompt + text for text in texts], None, tokens=_WORDS_TOKENS)

    def _encode(self, texts: Sequence[str], prompt: str, progress: Callable[[int], None] | None) -> Vectors:
        prompted = [prompt + text for text in texts]
        if self._known is None or not self._known.keeps(prompted):
            return self._computed(prompted, progress)
        vectors = self._known.of(prompted, lambda new: self._computed(new, None))
        if progress is not None:
            progress(len(texts))
        return vectors

    def _computed(self, texts: Sequence[str], progress: Callable[[int], None] | None, *, tokens: int = 0) -> Vectors:
        """Their vectors, by runs of so many tokens; 0: of as many as the encoder was made for."""
        tokens = tokens or int(self._manifest["batch_tokens"])
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _BLOCK):
            block = [well_formed(text) for text in texts[start : start + _BLOCK]]
            self._encode_block(block, vectors[start : start + len(block)], progress, tokens)
        return vectors

    def _encode_block(
        self, block: list[str], out: Vectors, progress: Callable[[int], None] | None, tokens: int
    ) -> None:
        sequences = [entry.ids or [0] for entry in self._tokens.encode_batch_fast(block)]
        batches = batches_of_equal_length(sequences, tokens=tokens)
        session = self._session
        name = session.get_inputs()[0].name
        done: list[int] = []  # list.append is atomic, so that the threads need no lock.
        reported = 0

        def run(batch: Batch) -> None:
            out[batch.rows] = session.run(None, {name: batch.ids})[0]
            done.append(len(batch.rows))

        def report() -> None:
            nonlocal reported
            if progress is not None and (count := sum(done)) > reported:
                progress(count - reported)
                reported = count

        self._workers.each(batches, run, tick=report if progress else None)

    def _load_tokenizer(self, most_tokens: int = 0) -> Tokenizer:
        path = self._folder / TOKENIZER_FILE
        try:
            return tokenizer_of(path, most_tokens)
        except Exception as error:  # The library raises plain Exception.
            raise WorkspaceError(
                f"The encoder's tokenizer cannot be read: {error}.", where=str(path), remedy=self.remedy
            ) from error

    @cached_property
    def _session(self) -> Any:
        return open_session(self._folder / self.model_file, what="The encoder's model", remedy=self.remedy)


def available_cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def well_formed(text: str) -> str:
    """The text with "?" for lone surrogates, which no tokenizer takes (a terminal or a file name can hold them).

    Example:
        >>> well_formed("caf\\udce9")
        'caf?'
    """
    return text.encode("utf-8", "replace").decode("utf-8")
