"""Filters in SQLite: what they mean is what they mean in the Lance table."""

from __future__ import annotations

import json
import math
import re
import sqlite3
from functools import lru_cache

from instill.index.sql_quoting import text_literal


class SqliteDialect:
    """Conditions that call the functions of `with_functions`."""

    def metadata(self, key: str) -> str:
        return f"metadata_text(metadata, '{key}')"

    def number(self, text: str) -> str:
        return f"as_number({text})"

    def like(self, value: str, pattern: str, *, any_case: bool) -> str:
        return f"(is_like({value}, {text_literal(pattern)}, {int(any_case)}) = 1)"


def with_functions(connection: sqlite3.Connection) -> None:
    """Give a connection what conditions call."""
    connection.create_function("metadata_text", 2, _metadata_text, deterministic=True)
    connection.create_function("as_number", 1, as_number, deterministic=True)
    connection.create_function("is_like", 3, _is_like, deterministic=True)


def _metadata_text(metadata: str, key: str) -> str | None:
    value = json.loads(metadata).get(key)
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def as_number(text: str | None) -> float | None:
    """A text as a number; None where it is none.

    Example:
        >>> as_number("2024"), as_number("1e3"), as_number("2024-01-01"), as_number("1_000"), as_number("inf")
        (2024.0, 1000.0, None, None, None)
    """
    if text is None or "_" in text:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _is_like(value: str | None, pattern: str, any_case: int) -> int | None:
    return None if value is None else int(_compiled(pattern, bool(any_case)).fullmatch(value) is not None)


@lru_cache(maxsize=64)
def _compiled(pattern: str, any_case: bool) -> re.Pattern[str]:
    return re.compile(like_expression(pattern), re.DOTALL | (re.IGNORECASE if any_case else 0))


def like_expression(pattern: str) -> str:
    """The regular expression of a LIKE pattern.

    Example:
        >>> like_expression("a%b_" + chr(92) + "%")
        'a.*b.%'
    """
    written, characters = [], iter(pattern)
    for character in characters:
        if character == "\\":
            written.append(re.escape(next(characters, "\\")))
        else:
            written.append({"%": ".*", "_": "."}.get(character, re.escape(character)))
    return "".join(written)
