"""Scores of answers: exact match, word overlap, and how well a number tells two groups apart."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(answer: str) -> str:
    """Lower case, without punctuation, articles and extra spaces, as SQuAD compares answers.

    Rajpurkar et al. (2016), section 6.1.

    Example:
        >>> normalised("The  Steam-Engine!")
        'steamengine'
    """
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """1.0 when the answer is one of `golds` after normalisation, else 0.0."""
    return float(any(normalised(answer) == normalised(gold) for gold in golds))


def token_f1(answer: str, golds: Sequence[str]) -> float:
    """Best harmonic mean of word precision and recall against one of `golds`, 0 to 1.

    Example:
        >>> round(token_f1("in the old castle", ["old castle", "the tower"]), 2)
        0.8
    """
    return max((_f1(normalised(answer).split(), normalised(gold).split()) for gold in golds), default=0.0)


def auc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Probability that a number of `positive` is above one of `negative`, ties count half; NaN when one is empty.

    The area under the ROC curve by ranks (Mann and Whitney, 1947); n log n.

    Example:
        >>> auc(np.array([3.0, 2.0]), np.array([1.0, 2.0]))
        0.875
    """
    if not len(positive) or not len(negative):
        return float("nan")
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left")
    up_to = np.searchsorted(ordered, positive, "right")
    return float((below + up_to).mean() / (2 * len(negative)))


def _f1(answer: list[str], gold: list[str]) -> float:
    if not answer or not gold:
        return float(answer == gold)
    shared = sum((Counter(answer) & Counter(gold)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(answer), shared / len(gold)
    return 2 * precision * recall / (precision + recall)
