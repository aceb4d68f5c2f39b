"""Filters in PostgreSQL: what they mean is what they mean in the Lance table."""

from __future__ import annotations

from instill.index.sql_quoting import text_literal

_NUMBER = r"^\s*[-+]?(\d{1,200}\.?\d{0,200}|\.\d{1,200})([eE][-+]?\d{1,2})?\s*$"


class PostgresDialect:
    """Args:
    any_case: the collation by whose letters ILIKE compares, or "".
    """

    def __init__(self, any_case: str = "") -> None:
        self._any_case = any_case

    def metadata(self, key: str) -> str:
        return f"(metadata ->> '{key}' COLLATE \"C\")"

    def number(self, text: str) -> str:
        return f"(CASE WHEN {text} ~ '{_NUMBER}' THEN ({text})::double precision END)"

    def like(self, value: str, pattern: str, *, any_case: bool) -> str:
        ends = len(pattern) - len(pattern.rstrip("\\"))
        whole = pattern + "\\" * (ends % 2)  # one at the end escapes nothing
        if not any_case:
            return f"({value} LIKE {literal(whole)})"
        collation = f' COLLATE "{self._any_case}"' if self._any_case else ""
        return f"({value}{collation} ILIKE {literal(whole)})"


def literal(text: str) -> str:
    """A text as a constant of PostgreSQL with standard_conforming_strings, as it is by default."""
    return text_literal(text)


def array_literal(texts: list[str]) -> str:
    """Texts as a constant array.

    Example:
        >>> array_literal(["a", "it's"])
        "ARRAY['a', 'it''s']::text[]"
    """
    return f"ARRAY[{', '.join(map(literal, texts))}]::text[]"
