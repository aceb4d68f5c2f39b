"""The words of a text as they are written, for finding a text in another; values are not told apart."""

from __future__ import annotations

import re
import unicodedata

_ARTICLES = frozenset({"a", "an", "the"})
_SIGN = re.compile(r"(?<=\d)[.,:/-](?=\d)|(?<![\w.])[-+](?=\d)")


def word_list(text: str) -> list[str]:
    """The words of a constant, in their order."""
    return text.split()


def word_set(text: str) -> frozenset[str]:
    """The words of a constant."""
    return frozenset(text.split())


def words(text: str) -> list[str]:
    """The words in lower case, without punctuation except the signs of numbers.

    Example:
        >>> words("Don't pay -3.50 $!")
        ['dont', 'pay', '-3.50']
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    kept = {found.start() for found in _SIGN.finditer(text)}
    return "".join(
        sign for place, sign in enumerate(text) if place in kept or unicodedata.category(sign)[0] not in "PS"
    ).split()


def normalised(text: str) -> list[str]:
    """The words without articles, as in SQuAD, but with the signs of numbers.

    Example:
        >>> normalised("The River Ill, at -3.50 degrees!")
        ['river', 'ill', 'at', '-3.50', 'degrees']
    """
    return [word for word in words(text) if word not in _ARTICLES]
