"""The vectors that an encoder gives to single word pieces: what cheap vectors of whole texts are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instill.models.encoders.protocol import Encoder, EncodesWords, Vectors

_MARKS = ("##", "\u2581", "\u0120")  # how tokenizers mark a piece inside, or at the start of, a word


class PieceVectors:
    """A vector for each word piece, encoded when it is first met.

    Args:
        encoder: whose pieces they are.
        roughly: many pieces a run where the encoder can do that: a quarter of the time. What was encoded together then
            changes the last digits, so not for vectors that are to be the same whenever they are computed.
    """

    def __init__(self, encoder: Encoder, *, roughly: bool = False) -> None:
        self._encoder = encoder
        self._encode = (
            encoder.encode_words if roughly and isinstance(encoder, EncodesWords) else encoder.encode_passages
        )
        self._row = np.full(encoder.tokenizer.get_vocab_size(), -1, np.int64)
        self._vectors: NDArray[np.float32] = np.empty((0, encoder.dimension), np.float32)

    def learn(self, pieces: NDArray[np.int64]) -> None:
        """Encode those of these pieces (ids, in any order, also several times) that were not met before."""
        new = np.unique(pieces[self._row[pieces] < 0])
        if not len(new):
            return
        tokenizer = self._encoder.tokenizer
        vectors = self._encode([_plain(tokenizer.id_to_token(int(piece)) or "") for piece in new])
        self._row[new] = np.arange(len(self._vectors), len(self._vectors) + len(new))
        self._vectors = np.concatenate([self._vectors, vectors])

    def of(self, pieces: NDArray[np.int64]) -> Vectors:
        """float32 `(len(pieces), dimension)`, rows of length 1, of pieces that were learned."""
        found: Vectors = self._vectors[self._row[pieces]]
        return found


def _plain(piece: str) -> str:
    for mark in _MARKS:
        piece = piece.removeprefix(mark)
    return piece
