"""Which documents were removed since the index was written anew: of these it may hold text still."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
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


def removed_from(folder: Path, but: Collection[str] = ()) -> frozenset[str]:
    """The ids that were noted in any generation that is left in the index's folder.

    Args:
        but: names of generations that are left out.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "g1").mkdir()
        >>> note_removed(folder / "g1", ["d1", "d2"])
        >>> sorted(removed_from(folder))
        ['d1', 'd2']
    """
    return frozenset().union(
        *(removed_in(file.parent) for file in folder.glob(f"g*/{_FILE}") if file.parent.name not in but)
    )


def removed_in(generation: Path) -> frozenset[str]:
    """The ids that were noted in a generation's folder."""
    try:
        return frozenset((generation / _FILE).read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError):
        return frozenset()


def keep_notes(generation: Path, doc_ids: Iterable[str]) -> None:
    """The store holds no text any more of what was noted, but for these documents, which are there still."""
    (generation / _FILE).unlink(missing_ok=True)
    if left := sorted(doc_ids):
        note_removed(generation, left)
