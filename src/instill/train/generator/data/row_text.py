"""The words of rows, made comparable, and where a row stands. Imports nothing heavy."""

from __future__ import annotations

from instill.models.generators.chat_text import ChatMessage
from instill.train.generator.data.rows import Row


def normal(text: str) -> str:
    """Without differences of case and white space.

    Example:
        >>> normal("  Who was\\n  Ada? ")
        'who was ada?'
    """
    return " ".join(text.casefold().split())


def asked(row: Row) -> str:
    """What is asked: the prompt without system messages, or the plain text, normalised."""
    if row.text:
        return normal(row.text)
    return "\n".join(_said(message) for message in row.prompt if message["role"] != "system")


def whole(row: Row) -> str:
    """All of a row, normalised; two rows with the same are duplicates."""
    parts = [normal(row.text), normal(row.rejected), *(_said(message) for message in (*row.messages, *row.teacher))]
    return "\n".join([*parts, str(row.tools)])


def place_of(row: Row, number: int) -> str:
    """File and line, or the row's number from 1."""
    return row.place or f"row {number + 1}"


def _said(message: ChatMessage) -> str:
    calls = f" {message['tool_calls']}" if message.get("tool_calls") else ""
    return f"{message['role']}: {normal(str(message.get('content') or ''))}{calls}"
