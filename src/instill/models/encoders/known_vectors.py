"""The vectors of the texts that were encoded last: the sentences of a page come up with every question about it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from instill.models.encoders.protocol import Vectors

_LONGEST = 2000
_MOST_AT_ONCE = 256


class KnownVectors:
    """Keeps at most `most` vectors (6 MB of 384 dimensions, with 4,096 of them); threads may share it.

    For encoders that give a text the same vector whatever stands beside it, to the last bit.

    Example:
        >>> known, asked = KnownVectors(most=2), []
        >>> def encode(texts):
        ...     asked.append(list(texts))
        ...     return np.array([[len(text)] for text in texts], np.float32)
        >>> known.of(["tea", "milk", "tea"], encode).ravel().tolist(), known.of(["milk"], encode).ravel().tolist()
        ([3.0, 4.0, 3.0], [4.0])
        >>> asked
        [['tea', 'milk']]
    """

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._vectors: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    @staticmethod
    def keeps(texts: Sequence[str]) -> bool:
        """Whether these are sentences, or passages of a page: of more and longer ones hardly any comes up again."""
        return 0 < len(texts) <= _MOST_AT_ONCE and max(map(len, texts)) <= _LONGEST

    def of(self, texts: Sequence[str], encode: Callable[[Sequence[str]], Vectors]) -> Vectors:
        """float32 `(len(texts), dimension)`; `encode` is called with those that are not known, each once."""
        found: dict[str, NDArray[np.float32]] = {}
        with self._lock:
            for text in texts:
                if text in self._vectors:
                    self._vectors.move_to_end(text)
                    found[text] = self._vectors[text]
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:
            vectors = encode(new)
            found.update(zip(new, vectors, strict=True))
            with self._lock:
                self._vectors.update((text, vector.copy()) for text, vector in zip(new, vectors, strict=True))
                while len(self._vectors) > self._most:
                    self._vectors.popitem(last=False)
        return np.stack([found[text] for text in texts])
