"""A follow-up with the questions before it beside it, for a reader that is trained to understand it so."""

from __future__ import annotations

from collections.abc import Sequence

BEFORE = 2
"""Questions before the follow-up that are shown with it."""

LONGEST = 160
"""Most characters of each of them."""


def in_context(question: str, before: Sequence[str]) -> str:
    """The follow-up, and behind it in brackets the last questions before it, the newest first.

    The reader and the search are given it in this form; its rows are made in the same form (`bench/question_rows.py`).

    Args:
        before: the questions before it, oldest first.

    Example:
        >>> in_context("in seconds", ["What is the AOF?", "How do I pause all clients?", "how do I stop it early"])
        'in seconds? (how do I stop it early? How do I pause all clients?)'
        >>> in_context("What is the AOF?", [])
        'What is the AOF?'
    """
    if not before:
        return question
    said = " ".join(_ended(each[:LONGEST]) for each in reversed(before[-BEFORE:]))
    return f"{_ended(question)} ({said})"


def _ended(question: str) -> str:
    return question.rstrip(" ?.!") + "?"
