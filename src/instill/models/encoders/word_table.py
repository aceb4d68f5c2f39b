"""The word table that the shipped encoder and reader share: one file, int8 with a scale a word."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instill.models.encoders.bert_graph import int8_words
from instill.models.encoders.graph import Graph
from instill.models.encoders.matrix_products import quantise_columns
from instill.models.encoders.transformer_weights import Floats

WORDS_FILE = "words.bin"


@dataclass(frozen=True, slots=True)
class WordTable:
    """`codes` int8 `(words, width)` and `scales` float32 `(words,)`: a word's row is `codes * scale`."""

    codes: NDArray[np.int8]
    scales: Floats

    @classmethod
    def of(cls, words: Floats) -> WordTable:
        """Quantise a table; the error of a number is at most half of its row's scale.

        Example:
            >>> WordTable.of(np.array([[1.0, -0.5], [0.0, 0.0]], np.float32)).codes.tolist()
            [[127, -64], [0, 0]]
        """
        codes, scales = quantise_columns(words.T)
        return cls(np.ascontiguousarray(codes.T), scales)

    def rows(self, graph: Graph) -> str:
        """Add the lookup to a graph; the model then needs `words.bin` beside it."""
        codes = graph.external(self.codes, WORDS_FILE, 0)
        scales = graph.external(self.scales, WORDS_FILE, self.codes.nbytes)
        return int8_words(graph, codes, scales)

    def save(self, folder: Path) -> None:
        """Write `words.bin`."""
        (folder / WORDS_FILE).write_bytes(self.codes.tobytes() + self.scales.astype("<f4").tobytes())
