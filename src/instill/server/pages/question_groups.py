"""Questions about the same thing, by their vectors."""

from __future__ import annotations

import numpy as np

from instill.models.encoders.protocol import Vectors

SAME = 0.6
"""From this cosine on two questions are about the same."""


def grouped(vectors: Vectors, same: float = SAME) -> list[list[int]]:
    """Rows by subject: each joins the first group whose first member it resembles. The largest group first; in a group
    and among groups of a size, the order stays.

    Args:
        vectors: unit vectors, `(questions, dimension)`.

    Example:
        >>> grouped(np.array([[1.0, 0.0], [0.0, 1.0], [0.1, 0.995]], dtype=np.float32))
        [[1, 2], [0]]
    """
    groups: list[list[int]] = []
    for row in range(len(vectors)):
        firsts = np.array([group[0] for group in groups], dtype=np.int64)
        likeness = vectors[firsts] @ vectors[row] if groups else np.zeros(0)
        place = int(np.argmax(likeness)) if groups else -1
        if place >= 0 and likeness[place] >= same:
            groups[place].append(row)
        else:
            groups.append([row])
    return sorted(groups, key=len, reverse=True)
