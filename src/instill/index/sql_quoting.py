"""Pieces of SQL conditions made from values, with every value quoted here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable

NOTHING = "false"
"""A condition that no row meets."""


def text_literal(value: str) -> str:
    """A SQL string literal for any text.

    Example:
        >>> text_literal("it's")
        "'it''s'"
    """
    # A NUL ends the parser's input and a lone surrogate cannot be UTF-8; neither can stand in stored text.
    clean = value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    return "'" + clean.replace("'", "''") + "'"


def is_one_of(column: str, values: Iterable[str]) -> str:
    """`column IN (...)`; no row when there are no values.

    Example:
        >>> is_one_of("doc_id", ["a", "b"])
        "doc_id IN ('a', 'b')"
        >>> is_one_of("doc_id", [])
        'false'
    """
    literals = [text_literal(value) for value in values]
    return f"{column} IN ({', '.join(literals)})" if literals else NOTHING


def both(*conditions: str) -> str:
    """The conditions that are not empty, joined by AND.

    Example:
        >>> both("", "a = 1", "b = 2")
        '(a = 1) AND (b = 2)'
    """
    return " AND ".join(f"({condition})" for condition in conditions if condition)
