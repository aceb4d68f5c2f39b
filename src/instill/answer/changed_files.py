"""Files that have changed since they were read: what an answer quotes of them may be old."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from instill.index.keywords import name_of
from instill.index.types import DocumentRecord

_MOST_BYTES = 20_000_000
"""A larger file is called changed by its time and size alone."""


def have_changed(records: Iterable[DocumentRecord]) -> list[str]:
    """Names of the documents whose files are there and hold something else now than when they were read.

    The time and the size of a file tell most; where they differ, its content decides.

    Raises:
        Nothing: a file that cannot be read tells nothing.
    """
    return [name_of(record.source) for record in records if _has_changed(record)]


def said_of(names: list[str]) -> str:
    """What is said beside an answer that quotes them.

    Example:
        >>> said_of(["loans.md"])
        'The file loans.md has changed since it was read: what is quoted here may be old. Read it again: instill sync'
    """
    several = len(names) > 1
    files = f"{', '.join(names[:-1])} and {names[-1]} have" if several else f"{names[0]} has"
    they = "they were" if several else "it was"
    return (
        f"The file{'s' * several} {files} changed since {they} read: what is quoted here may be old. "
        f"Read {'them' if several else 'it'} again: instill sync"
    )


def _has_changed(record: DocumentRecord) -> bool:
    path = Path(record.source)
    if not path.is_absolute():  # standard input, a web page, an object of a bucket
        return False
    try:
        found = path.stat()
        when = datetime.fromtimestamp(max(0, found.st_mtime), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if not path.is_file() or when == record.modified:
            return False
        if found.st_size > _MOST_BYTES:
            return True
        return hashlib.sha256(path.read_bytes()).hexdigest() != record.content_hash
    except (OSError, ValueError):
        return False
