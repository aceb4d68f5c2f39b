"""Where in a file a citation stands, as people write it; said the same in a terminal, on pages and to assistants."""

from __future__ import annotations


def in_file(page: int | None, line: int | None = None) -> str:
    """Behind a file's name: its page, where it has pages, else its line, else nothing.

    Example:
        >>> in_file(3), in_file(None, 12), in_file(3, 12), in_file(None)
        (', p. 3', ', line 12', ', p. 3', '')
    """
    if page is not None:
        return f", p. {page}"
    return f", line {line}" if line is not None else ""
