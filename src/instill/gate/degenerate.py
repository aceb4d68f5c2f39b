"""Replies that are no text: running in circles, or random."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

_TIMES, _LENGTH = 4, 24  # A loop stands four times, in 24 characters at least,
_SENTENCE, _FEWER = 16, 3  # or three times when so many characters are said again,
_PORTION = 0.5  # and is half of the reply.
_MOST = 8000  # Characters of a reply that are looked at.
_GARBLED_PORTION, _GARBLED = 0.05, 2

FAR_BELOW = 3.0
"""Nats per token: a reply of which the base thinks that much less than of the answers is taken for random."""


def is_loop(text: str) -> bool:
    """Whether one piece of text, said again and again at once, is half of `text` or more.

    A piece is any run of characters, so that n-grams of words, of signs and of a language without spaces are all
    found, also when the last one was cut. It must stand four times and fill 24 characters; one of 16 characters or more
    need only stand three times.

    Example:
        >>> is_loop("The river. The river. The river. The river. The ri"), is_loop("No, no, no!")
        (True, False)
        >>> is_loop("She rows on the river, swims in the river, and lives by the river.")
        False
    """
    signs = np.array([ord(sign) for sign in " ".join([*text.casefold().split(), ""])[:_MOST]], np.int32)
    for period in range(1, len(signs) // _FEWER + 1):
        times = _FEWER if period >= _SENTENCE else _TIMES
        length = _longest_run(signs[period:] == signs[:-period]) + period
        if length >= max(times * period, _LENGTH, _PORTION * len(signs)):
            return True
    return False


def is_garbled(text: str) -> bool:
    """Whether one sign in twenty, and two at least, is a replacement, control, private or unassigned character.

    A single one is what a cut reply can end in.

    Example:
        >>> is_garbled("Holm \\ufffd\\x02 of\\ufffd"), is_garbled("Holm\\n\\ufffd")
        (True, False)
    """
    bad = sum(
        sign == "\ufffd" or (unicodedata.category(sign) in ("Cc", "Cn", "Co", "Cs") and sign not in "\n\r\t")
        for sign in text
    )
    return bad >= max(_GARBLED, _GARBLED_PORTION * len(text))


def far_below(replies: Sequence[float], answers: Sequence[float]) -> list[bool]:
    """Which replies the base finds much less likely than the answers that were wanted.

    What a candidate was taught is unlikely to its base too; therefore the measure is the unlikeliest twentieth of the
    wanted answers, and not what the base would say itself.

    Args:
        replies: mean log-probability per token under the base, of each reply; nan for an empty one.
        answers: the same of the wanted answers.

    Example:
        >>> far_below([-9.0, -4.0, float("nan")], [-2.0, -3.0, -2.5])
        [True, False, False]
    """
    if not answers:
        return [False] * len(replies)
    floor = float(np.percentile(answers, 5)) - FAR_BELOW
    return [reply < floor for reply in replies]


def _longest_run(same: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))
