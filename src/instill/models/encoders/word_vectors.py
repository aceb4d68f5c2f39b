"""Vectors of passages told from their words alone: good enough to search with until the encoder has read them.

A passage's vector is a weighted mean of the encoder's own vectors of its single word pieces, moved by a linear map.
The weights are those of smooth inverse frequency (Arora, Liang and Ma, "A simple but tough-to-beat baseline for
sentence embeddings", ICLR 2017, section 3): `a / (a + p)` for a piece with the share `p` of all pieces. The map is
fitted by ridge regression to passages of the same documents that the encoder has read. Taking the vectors of single
pieces from the encoder itself is the idea of Model2Vec (Minish Lab, 2024); the map is what makes them fit the
encoder's vectors of questions.

It costs about a hundredth of the encoder's time. How much of the encoder's ranking it keeps: docs/benchmarks/search.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instill.common.word_pieces import word_pieces
from instill.models.encoders.onnx_encoder import well_formed
from instill.models.encoders.piece_vectors import PieceVectors
from instill.models.encoders.protocol import Encoder, Vectors

_RARE = 1e-3  # `a`: the share of all pieces from which a piece counts less than half
_PENALTY = 0.3  # of ridge regression, as a share of the mean squared length
_BLOCK = 4096


class WordVectors:
    """An encoder's vectors, told from words; fitted to passages that the encoder has read.

    Args:
        texts: what the encoder read, at least two different ones; a thousand are a good number.
        vectors: what it gave: float32 `(len(texts), dimension)`, rows of length 1.

    Example:
        >>> from instill.models.encoders import open_encoder
        >>> from instill.settings import EncoderSettings
        >>> encoder = open_encoder(EncoderSettings())
        >>> texts = [f"{a} {b}" for a in ("red", "blue", "old") for b in ("house", "river", "coat", "letter")]
        >>> words = WordVectors(encoder, texts, encoder.encode_passages(texts))
        >>> float((words.vectors(["a blue boat"]) @ encoder.encode_passages(["a blue boat"]).T).item()) > 0.6
        True
    """

    def __init__(self, encoder: Encoder, texts: Sequence[str], vectors: Vectors) -> None:
        self._encoder = encoder
        self._pieces = PieceVectors(encoder, roughly=True)
        read = self._read(texts)
        counts = np.bincount(np.concatenate(read), minlength=encoder.tokenizer.get_vocab_size())
        self._weights: NDArray[np.float32] = (_RARE / (_RARE + counts / max(1, counts.sum()))).astype(np.float32)
        words = self._means(read)
        self._words_mean, self._mean = words.mean(axis=0), vectors.mean(axis=0)
        away, wanted = words - self._words_mean, vectors - self._mean
        products = away.T @ away
        # The ridge pulls the map towards a multiple of the identity and not towards nothing: that much is known.
        scale = float((away * wanted).sum() / max(float(np.trace(products)), 1e-12))
        penalty = max(_PENALTY * float(np.trace(products)) / len(words), 1e-12)
        identity = np.eye(len(products), dtype=np.float32)
        self._map = scale * identity + np.linalg.solve(
            products + penalty * identity, away.T @ (wanted - scale * away)
        ).astype(np.float32)

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """float32 `(len(texts), dimension)`, rows of length 1."""
        found = np.empty((len(texts), self._encoder.dimension), np.float32)
        for start in range(0, len(texts), _BLOCK):
            words = self._means(self._read(texts[start : start + _BLOCK]))
            found[start : start + len(words)] = _unit(self._mean + (words - self._words_mean) @ self._map)
        return found

    def _read(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """The pieces of each text, as far as the encoder would read it."""
        most = self._encoder.max_tokens
        read = word_pieces(self._encoder.tokenizer).ids([well_formed(text) for text in texts])
        return [pieces[:most] for pieces in read]

    def _means(self, read: Sequence[NDArray[np.int64]]) -> Vectors:
        self._pieces.learn(np.concatenate(read))
        return _unit(np.stack([self._weights[pieces] @ self._pieces.of(pieces) for pieces in read]))


def _unit(rows: Vectors) -> Vectors:
    unit: Vectors = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    return unit
