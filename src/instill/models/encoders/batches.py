"""Grouping token sequences into batches of one length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequences of one length: int32 `ids` `(texts, tokens)` and where each came from."""

    rows: NDArray[np.int64]
    ids: NDArray[np.int32]


def batches_of_equal_length(sequences: Sequence[Sequence[int]], *, tokens: int) -> list[Batch]:
    """Every sequence once, in batches of equal length and at most `tokens` tokens, but of one sequence at least.

    The longest come first, so that the threads which share the batches finish together.

    Example:
        >>> [batch.rows.tolist() for batch in batches_of_equal_length([[1, 2], [1, 5, 2], [3, 2]], tokens=8)]
        [[1], [0, 2]]
    """
    by_length: dict[int, list[int]] = defaultdict(list)
    for row, sequence in enumerate(sequences):
        by_length[len(sequence)].append(row)
    batches = []
    for length in sorted(by_length, reverse=True):
        rows = by_length[length]
        size = max(1, tokens // max(1, length))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            ids = np.array([sequences[row] for row in part], np.int32).reshape(len(part), length)
            batches.append(Batch(np.array(part, np.int64), ids))
    return batches
