"""Groups of passages that say similar things, for answers that are spread over many documents.

Average-linkage clustering (Sokal and Michener, 1958) on cosine similarity: the two groups with the highest average
similarity are merged until it falls below a threshold. For the few hundred hits of a search it needs no library.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from instill.models.encoders.protocol import Vectors

_WORD = re.compile(r"[^\W\d_][^\W_]{2,}")
_PLAIN_WORDS = """
about after again all also and any are because been before being between both but can could did does down each
every few for from further had has have having her here him his how into its itself just like made make many may
might more most much must nor not now off once one only other our out over own per same see she should since some
such than that the their them then there these they this those through too two under until upon use used using very
was way well were what when where which while who whose why will with within without would you your
"""
_PLAIN = frozenset(_PLAIN_WORDS.split())


def cluster(vectors: Vectors, *, threshold: float) -> list[list[int]]:
    """Indices of `vectors` by group, groups ordered by their first member, members ascending.

    Args:
        vectors: float32 `(n, dimension)`, rows of length 1; a few hundred rows (memory and time grow with n squared).
        threshold: least average cosine between two groups that are merged, -1 to 1.

    Example:
        >>> cluster(np.array([[1, 0], [0, 1], [0.8, 0.6]], dtype=np.float32), threshold=0.7)
        [[0, 2], [1]]
    """
    count = len(vectors)
    groups = {index: [index] for index in range(count)}
    totals = (vectors @ vectors.T).astype(np.float64)  # sums of similarities between groups
    sizes = np.ones(count)
    alive = np.ones(count, dtype=bool)
    while len(groups) > 1:
        averages = totals / (sizes[:, None] * sizes[None, :])
        averages[~alive, :] = -np.inf
        averages[:, ~alive] = -np.inf
        np.fill_diagonal(averages, -np.inf)
        left, right = sorted(divmod(int(averages.argmax()), count))
        if averages[left, right] < threshold:
            break
        totals[left, :] += totals[right, :]
        totals[:, left] += totals[:, right]
        sizes[left] += sizes[right]
        alive[right] = False
        groups[left].extend(groups.pop(right))
    return sorted(sorted(members) for members in groups.values())


def cluster_terms(texts: Sequence[str], *, others: Sequence[str] = (), count: int = 5) -> list[str]:
    """Words that are in many of `texts` and in few of `others`, best first, at most `count`.

    A word counts once a text. Ties fall to the alphabet.

    Example:
        >>> cluster_terms(["Rent rose again.", "The rent is due."], others=["Sales rose."], count=1)
        ['rent']
    """
    inside = Counter(word for text in texts for word in _words(text))
    outside = Counter(word for text in others for word in _words(text))
    total = len(texts) + len(others)

    def weight(word: str) -> float:
        return inside[word] / len(texts) * math.log((1 + total) / (0.5 + outside[word]))

    return sorted(inside, key=lambda word: (-weight(word), word))[:count]


def _words(text: str) -> set[str]:
    return {word for word in map(str.lower, _WORD.findall(text)) if word not in _PLAIN}
