"""How long a question or a query may be. Imports nothing heavy: it is asked before anything is opened."""

from __future__ import annotations

from instill.errors import UsageError

LONGEST_QUESTION = 4_000
"""In characters. What is longer is a document: put it into the index."""


def check_length(text: str, name: str) -> None:
    """Refuse a text that is too long.

    Args:
        name: what it is: "question" or "query".

    Raises:
        UsageError: it is.

    Example:
        >>> check_length("Who?", "question")
    """
    if len(text) > LONGEST_QUESTION:
        raise UsageError(
            f"The {name} has {len(text):,} characters; at most {LONGEST_QUESTION:,} are read.",
            where=name,
            remedy="Use a shorter text; put long text into a document.",
        )
