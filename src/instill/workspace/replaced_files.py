"""Uploaded files of documents that an upload replaced: kept in `.instill/removed/.files/`, each under the hash of its
content, as long as the document can be brought back. A purge deletes those of its documents.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Collection
from pathlib import Path

from instill.common.durable_files import write_bytes
from instill.index.types import DocumentRecord

FOLDER = ".files"
_LEAST_S = 24 * 3600.0
"""So long a file stays in any case: the job that replaces its document may still wait."""


def keep_file(kept: Path, record: DocumentRecord, file: Path) -> None:
    """Keep a document's file that another is about to replace; nothing is kept where the file is not the document's.

    Args:
        kept: `.instill/removed`.
    """
    try:
        data = file.read_bytes()
        if _hash(data) == record.content_hash:
            (kept / FOLDER).mkdir(parents=True, exist_ok=True)
            write_bytes(kept / FOLDER / record.content_hash, data)
    except OSError:
        return


def is_file_of(record: DocumentRecord, file: Path) -> bool:
    """Whether a file is there, and is the one that the document was read from."""
    try:
        return _hash(file.read_bytes()) == record.content_hash
    except OSError:
        return False


def put_back_file(kept: Path, record: DocumentRecord) -> bool:
    """Write the kept file of a document to its place; whether there was one."""
    held = kept / FOLDER / record.content_hash
    if not held.is_file():
        return False
    Path(record.source).parent.mkdir(parents=True, exist_ok=True)
    write_bytes(Path(record.source), held.read_bytes())
    return True


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def drop_files(kept: Path, hashes: Collection[str], *, least_s: float = _LEAST_S) -> None:
    """Delete the kept files that none of these content hashes names and that are older than `least_s`."""
    for file in (kept / FOLDER).glob("*"):
        least = _LEAST_S if file.name.startswith(".") else least_s  # somebody may be writing a draft
        if file.name not in hashes and time.time() - file.stat().st_mtime >= least:
            file.unlink(missing_ok=True)
    if (kept / FOLDER).is_dir() and not os.listdir(kept / FOLDER):  # noqa: PTH208
        (kept / FOLDER).rmdir()
