"""The head of a table, shown above rows that were cut from it."""

from __future__ import annotations

LONGEST = 300
"""Longest head in characters that is shown above rows; more would push the rows out of what a model reads."""


def shown_head(head: str) -> str:
    """The lines of a table's head that say something, at most 300 characters.

    Example:
        >>> shown_head("| Plan | Price |\\n| --- | --- |")
        '| Plan | Price |'
    """
    lines = [line.strip() for line in head.split("\n") if any(character.isalnum() for character in line)]
    return "\n".join(lines)[:LONGEST]


def under_head(head: str, text: str) -> str:
    """Rows below the head that they belong to.

    Example:
        >>> under_head("| Plan | Price |\\n| --- | --- |", "| Team | 10 |")
        '| Plan | Price |\\n| Team | 10 |'
    """
    shown = shown_head(head)
    return f"{shown}\n{text}" if shown else text
