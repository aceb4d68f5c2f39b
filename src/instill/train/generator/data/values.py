"""The values in a reply (JSON leaves, numbers, quoted strings), and the words of a text. Imports nothing heavy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_NUMBER = re.compile(r"(?<![\w.,])-?\d+(?:[.,]\d+)*(?![\w])")
_QUOTED = re.compile(r'"([^"\n]{1,200})"|“([^”\n]{1,200})”|«([^»\n]{1,200})»|(?<!\w)\'([^\'\n]{1,200})\'(?!\w)')
_COUNTS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]

_LONG = 8  # words; a longer leaf is a text that is written, not a value that is copied

Leaf = tuple[str, Any]
"""Path, as in "items[].name", and value."""


def parsed(reply: str) -> Any:
    """The JSON object or list in a reply; None when it is none.

    Example:
        >>> parsed('{"a": 1}'), parsed("1"), parsed("yes")
        ({'a': 1}, None, None)
    """
    try:
        found = json.loads(reply)
    except ValueError:
        return None
    return found if isinstance(found, (dict, list)) else None


def leaves(value: Any, path: str = "") -> Iterator[Leaf]:
    """The innermost values, with their paths.

    Example:
        >>> list(leaves({"to": "Oslo", "seats": [{"row": 3}, {"row": None}]}))
        [('to', 'Oslo'), ('seats[].row', 3), ('seats[].row', None)]
    """
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each, f"{path}[]")
    else:
        yield path, value


def copied_values(reply: str) -> list[str]:
    """The values of a reply that have to come from somewhere.

    Of JSON the strings and numbers (not long texts, nor true, false and null), of other text the numbers and what
    stands in quotation marks.

    Example:
        >>> copied_values('{"city": "Oslo", "nights": 2, "pets": false}')
        ['Oslo', '2']
        >>> copied_values('She paid 1,200 euros for "The Tower".')
        ['1,200', 'The Tower']
        >>> copied_values("SELECT name FROM towns WHERE land = 'Norway' AND people > 500")
        ['500', 'Norway']
    """
    found = parsed(reply)
    if found is not None:
        return [
            str(value)
            for _, value in leaves(found)
            if value is not None and not isinstance(value, bool) and 0 < len(_words(str(value))) <= _LONG
        ]
    quoted = [next(filter(None, groups)) for groups in _QUOTED.findall(reply)]
    rest = _QUOTED.sub(" ", reply)
    return [*_NUMBER.findall(rest), *quoted]


def words_of(text: str) -> frozenset[str]:
    """The words and numbers of a text, in a form in which "1,200" is 1200 and "two" is 2."""
    return frozenset(_words(text))


def _words(text: str) -> list[str]:
    return [_canonical(word) for word in _WORD.findall(text.casefold())]


def _canonical(word: str) -> str:
    if word in _COUNTS:
        return str(_COUNTS.index(word))
    if not word[0].isdigit():
        return word
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", word):
        word = word.replace(",", "")
    try:
        number = float(word.replace(",", "."))
    except ValueError:  # a date or a version
        return word
    return f"{number:.15g}"
