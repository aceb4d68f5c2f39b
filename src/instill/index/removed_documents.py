"""Which documents were removed since the index was written anew: of these it may hold text still."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_FILE = "removed.txt"


def note_removed(generation: Path, doc_ids: Iterable[str]) -> None:
    """Write down, in a generation's folder, what is about to be removed from it.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    lines = "".join(f"{doc_id}\n" for doc_id in doc_ids)
    with (generation / _FILE).open("a", encoding="utf-8") as stream:
        stream.write(lines)
        stream.flush()
        os.fsync(stream.fileno())


def removed_from(folder: Path) -> frozenset[str]:
    """The ids that were noted in any generation that is left in the index's folder.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "g1").mkdir()
        >>> note_removed(folder / "g1", ["d1", "d2"])
        >>> sorted(removed_from(folder))
        ['d1', 'd2']
    """
    found: set[str] = set()
    for file in folder.glob(f"g*/{_FILE}"):
        try:
            found.update(file.read_text(encoding="utf-8").split())
        except (OSError, UnicodeDecodeError):
            continue
    return frozenset(found)
