"""What the index needs from an encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """Text to unit vectors, so that a dot product is the cosine similarity.

    Attributes:
        fingerprint: identifies weights, precision, pooling and length limit; stored with the index. Two encoders
            with one fingerprint give the same vectors.
        dimension: length of a vector.
        max_tokens: longest input in tokens, special tokens included; the rest of a longer text is not encoded.
        tokenizer: the encoder's own tokenizer, for counting; must not be changed by callers.
    """

    @property
    def fingerprint(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def max_tokens(self) -> int: ...
    @property
    def tokenizer(self) -> Tokenizer: ...

    def encode_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """float32 `(len(texts), dimension)`, rows in the order of `texts`, each of length 1.

        `progress` is called with the number of texts done since the last call.
        """
        ...

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """float32 `(len(texts), dimension)`, each row of length 1."""
        ...


@runtime_checkable
class EncodesWords(Protocol):
    """An encoder that has a faster way for very many very short texts."""

    def encode_words(self, texts: Sequence[str]) -> Vectors:
        """float32 `(len(texts), dimension)`, each row of length 1: as `encode_passages`, but for the last digits, which
        depend on what is encoded together."""
        ...
