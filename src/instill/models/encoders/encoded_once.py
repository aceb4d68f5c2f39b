"""An encoder that encodes a text once: the same passages come up with many questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from instill.models.encoders.protocol import Encoder, Vectors
from instill.models.encoders.wrapped import Wrapped

_MOST_TEXTS = 50_000


class EncodedOnce(Wrapped):
    """Keeps the vectors of passages, at most 50,000 of them.

    Example:
        >>> class Counting:
        ...     texts = 0
        ...     def encode_passages(self, texts, *, progress=None):
        ...         self.texts += len(texts)
        ...         return np.ones((len(texts), 2), np.float32)
        >>> counting = Counting()
        >>> encoder = EncodedOnce(counting)
        >>> encoder.encode_passages(["tea", "milk", "tea"]).shape, encoder.encode_passages(["milk"]).shape
        ((3, 2), (1, 2))
        >>> counting.texts
        2
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder)
        self._known: dict[str, NDArray[np.float32]] = {}

    def encode_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        if not texts:
            return self._encoder.encode_passages(texts, progress=progress)
        if len(self._known) > _MOST_TEXTS:
            self._known.clear()
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._encoder.encode_passages(new, progress=progress), strict=True))
        return np.stack([self._known[text] for text in texts])
