"""A mark that is another one after every purge: who shows or makes something of documents sees by it that some went."""

from __future__ import annotations

import secrets
from pathlib import Path

from instill.common.durable_files import write_bytes

_FILE = "purged"
_LONGEST = 100


def note_purge(home: Path) -> None:
    """Change the mark, when everything is taken out.

    Args:
        home: a workspace's `.instill`.

    Example:
        >>> import tempfile
        >>> home = Path(tempfile.mkdtemp())
        >>> before = last_purge(home)
        >>> note_purge(home)
        >>> before, before == last_purge(home), last_purge(home) == last_purge(home)
        ('', False, True)
    """
    write_bytes(home / _FILE, secrets.token_hex(8).encode())


def last_purge(home: Path) -> str:
    """The mark; "" where nothing was purged yet."""
    try:
        return (home / _FILE).read_text(encoding="utf-8")[:_LONGEST]
    except (OSError, UnicodeDecodeError):
        return ""
