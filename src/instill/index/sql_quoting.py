"""Pieces of SQL conditions made from values, with every value quoted here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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


def visible(labels: Sequence[str] | None) -> str:
    """What a caller holding `labels` may see: "" for the unrestricted caller, no row for one without labels.

    Example:
        >>> visible(None), visible(()), visible(("hr", "it"))
        ('', 'false', "array_has_any(labels, ['hr', 'it'])")
    """
    if labels is None:
        return ""
    if not labels:
        return NOTHING
    return f"array_has_any(labels, [{', '.join(text_literal(label) for label in labels)}])"


def held_of(document: Iterable[str], labels: Sequence[str] | None) -> tuple[str, ...]:
    """The labels of a document that its reader is shown: only those that the reader holds.

    Example:
        >>> held_of(["hr", "staff"], ("staff", "it")), held_of(["hr"], None)
        (('staff',), ('hr',))
    """
    return tuple(label for label in document if labels is None or label in labels)


def both(*conditions: str) -> str:
    """The conditions that are not empty, joined by AND.

    Example:
        >>> both("", "a = 1", "b = 2")
        '(a = 1) AND (b = 2)'
    """
    return " AND ".join(f"({condition})" for condition in conditions if condition)
