"""The vectors of a very long document of like passages: some are computed, the others told from their words.

The rows of a table differ in a few words, and the encoder spends its time on what is the same in all of them. So a
sample of the passages is encoded, a linear map from a passage's words to its vector is fitted to it by ridge
regression, and the map is checked on computed vectors that it was not fitted to. Only where it tells those well are
the others estimated; prose never passes, and is encoded whole. A passage is computed too if clearly more of its word
pieces are hardly known to the sample, or its words lie further from the sample's (the variance of the ridge
regression), than in four fifths of the passages that the map was checked on: the one remark among thousands of rows
that are alike. Four fifths and not all of them, because such remarks may be in the sample as well.

A passage's words are the mean of the encoder's own vectors of its single word pieces, weighted by the root of their
counts, as in static embeddings (Model2Vec, Minish Lab 2024); the map starts from a multiple of that and learns the
rest from the sample, in the dual form of ridge regression, since there are fewer passages than dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instill.models.encoders.piece_vectors import PieceVectors
from instill.models.encoders.protocol import Encoder, Vectors

FITTED = 160
CHECKED = 40
LEAST_COSINE = 0.95
"""Mean cosine of estimates with the computed vectors that were held back."""
LEAST_CENTRED = 0.6
"""The same after the mean of the document is taken off: what tells its passages apart."""

_ALIKE = 0.5  # cosine of passages with their mean, below which a fit is not even tried
_USUAL = 0.8  # the share of checked passages that what is usual is read from
_FURTHER = 1.5  # times the usual variance, from which a passage is computed
_MORE_NEW = 2  # pieces more than usual, from which it is
_KNOWN_FROM = 3  # texts of the sample that a piece must be in to be known
_PENALTY = 0.3  # of ridge regression, as a share of the mean squared length
_BLOCK = 256


@dataclass(frozen=True, slots=True)
class DocumentVectors:
    """float32 `(passages, dimension)`, rows of length 1.

    `computed` `(passages,)` says which are the encoder's own; `cosine` is the mean cosine of estimates with vectors
    that were held back, 1.0 where no estimate was tried.
    """

    vectors: Vectors
    computed: NDArray[np.bool_]
    cosine: float = 1.0

    @property
    def estimated(self) -> int:
        return int((~self.computed).sum())


def document_vectors(encoder: Encoder, texts: Sequence[str], *, estimated_from: int) -> DocumentVectors:
    """The vectors of one document's passages, each text encoded once.

    Args:
        texts: what the encoder reads for each passage.
        estimated_from: documents with at least so many different passages may have estimated vectors; 0: none may.

    Example:
        >>> from instill.models.encoders import open_encoder
        >>> from instill.settings import EncoderSettings
        >>> rows = [f"room: {number}; floor: {number // 40}; seats: {number % 9}" for number in range(400)]
        >>> found = document_vectors(open_encoder(EncoderSettings()), rows, estimated_from=300)
        >>> found.vectors.shape, found.estimated > 100
        ((400, 384), True)
    """
    unique = list(dict.fromkeys(texts))
    if estimated_from and len(unique) >= max(estimated_from, FITTED + CHECKED + 1):
        found = _estimated(encoder, unique)
    else:
        found = DocumentVectors(encoder.encode_passages(unique), np.ones(len(unique), bool))
    if len(unique) == len(texts):
        return found
    place = {text: number for number, text in enumerate(unique)}
    rows = np.array([place[text] for text in texts])
    return DocumentVectors(found.vectors[rows], found.computed[rows], found.cosine)


def _estimated(encoder: Encoder, texts: list[str]) -> DocumentVectors:
    order = np.random.default_rng(0).permutation(len(texts))  # the same sample for the same document
    sample, rest = order[: FITTED + CHECKED], np.sort(order[FITTED + CHECKED :])
    vectors = np.empty((len(texts), encoder.dimension), np.float32)
    vectors[sample] = encoder.encode_passages([texts[number] for number in sample])
    fitted, checked = vectors[sample[:FITTED]], vectors[sample[FITTED:]]
    cosine = 1.0
    if np.linalg.norm(fitted.mean(axis=0)) >= _ALIKE:
        words = _Words(encoder)
        map_ = _Map(words.of([texts[number] for number in sample[:FITTED]]), fitted)
        words.fitted()
        known = words.of([texts[number] for number in sample[FITTED:]])
        cosine, centred = map_.check(known, checked)
        if cosine >= LEAST_COSINE and centred >= LEAST_CENTRED:
            newest = float(np.quantile(words.new, _USUAL)) + _MORE_NEW
            furthest = _FURTHER * float(np.quantile(map_.variance(known), _USUAL))
            strange = []
            for start in range(0, len(rest), _BLOCK):
                rows = rest[start : start + _BLOCK]
                given = words.of([texts[number] for number in rows])
                vectors[rows] = map_.vectors(given)
                strange.append(rows[(map_.variance(given) > furthest) | (words.new > newest)])
            rest = np.concatenate(strange)
    vectors[rest] = encoder.encode_passages([texts[number] for number in rest])
    computed = np.zeros(len(texts), bool)
    computed[sample] = computed[rest] = True
    return DocumentVectors(vectors, computed, cosine)


class _Words:
    """Texts as means of the vectors of their word pieces; a piece is encoded when it is first met.

    `new` has, for each of the last texts, the number of its pieces that fewer than three of the texts before
    `fitted()` had.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._pieces = PieceVectors(encoder)
        self._texts_with = np.zeros(encoder.tokenizer.get_vocab_size(), np.int64)  # each piece, so far
        self._known = np.zeros(len(self._texts_with), bool)
        self.new: NDArray[np.int64] = np.empty(0, np.int64)

    def fitted(self) -> None:
        """The texts so far are those that the map was fitted to."""
        self._known = self._texts_with >= _KNOWN_FROM

    def of(self, texts: Sequence[str]) -> Vectors:
        """float32 `(len(texts), dimension)`, rows of length 1."""
        encodings = self._encoder.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        counted = [
            np.unique(np.array(encoding.ids[: self._encoder.max_tokens], np.int64), return_counts=True)
            for encoding in encodings
        ]
        self._pieces.learn(np.concatenate([pieces for pieces, _ in counted]))
        for pieces, _ in counted:
            self._texts_with[pieces] += 1
        self.new = np.array([int((~self._known[pieces]).sum()) for pieces, _ in counted])
        means = np.stack([np.sqrt(counts).astype(np.float32) @ self._pieces.of(pieces) for pieces, counts in counted])
        unit: Vectors = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
        return unit


class _Map:
    """From words to vectors: `mean + scale * words + correction(words)`, fitted to a sample."""

    def __init__(self, words: Vectors, vectors: Vectors) -> None:
        self._words_mean, self._mean = words.mean(axis=0), vectors.mean(axis=0)
        self._words = words - self._words_mean
        wanted = vectors - self._mean
        self._scale = float((self._words * wanted).sum() / max((self._words**2).sum(), 1e-12))
        products = self._words @ self._words.T
        penalty = max(_PENALTY * float(np.trace(products)) / len(words), 1e-12)
        left_over = wanted - self._scale * self._words
        self._inverse = np.linalg.inv(products + penalty * np.eye(len(words), dtype=np.float32))
        self._weights = self._inverse @ left_over

    def vectors(self, words: Vectors) -> Vectors:
        """The estimates, rows of length 1."""
        away = words - self._words_mean
        estimate = self._mean + self._scale * away + (away @ self._words.T) @ self._weights
        unit: Vectors = (estimate / np.linalg.norm(estimate, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def variance(self, words: Vectors) -> NDArray[np.float32]:
        """How far the words of a text lie from those of the sample: 0 and more, `(len(words),)`."""
        away = words - self._words_mean
        near = away @ self._words.T
        left: NDArray[np.float32] = (away**2).sum(axis=1) - np.einsum("ij,jk,ik->i", near, self._inverse, near)
        return left

    def check(self, words: Vectors, vectors: Vectors) -> tuple[float, float]:
        """Mean cosine of estimates with these vectors, as they are and with the sample's mean taken off."""
        estimates = self.vectors(words)
        return _cosine(estimates, vectors), _cosine(estimates - self._mean, vectors - self._mean)


def _cosine(one: Vectors, other: Vectors) -> float:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(np.mean((one * other).sum(axis=1) / np.maximum(lengths, 1e-12)))
