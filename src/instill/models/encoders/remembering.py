"""An encoder that encodes a text once: the same passages come up with many questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from instill.models.encoders.protocol import Encoder, Vectors

_MOST_TEXTS = 50_000


class Remembering:
    """Wraps an encoder and keeps the vectors of passages, at most 50,000 of them."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, NDArray[np.float32]] = {}

    @property
    def fingerprint(self) -> str:
        return self._encoder.fingerprint

    @property
    def dimension(self) -> int:
        return self._encoder.dimension

    @property
    def max_tokens(self) -> int:
        return self._encoder.max_tokens

    @property
    def tokenizer(self) -> Tokenizer:
        return self._encoder.tokenizer

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        if not texts:
            return self._encoder.encode_passages(texts, progress=progress)
        if len(self._known) > _MOST_TEXTS:
            self._known.clear()
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._encoder.encode_passages(new, progress=progress), strict=True))
        return np.stack([self._known[text] for text in texts])
