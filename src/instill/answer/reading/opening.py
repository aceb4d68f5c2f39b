"""Which reader the settings name."""

from __future__ import annotations

from instill.answer.reading.reader import MANIFEST_FILE, Reader
from instill.answer.reading.reader_place import reader_folder
from instill.common.shared_while_used import SharedWhileUsed, files_of
from instill.errors import UsageError

_OPEN: SharedWhileUsed[Reader] = SharedWhileUsed()


def open_reader(chosen: str, *, threads: int = 0) -> Reader | None:
    """The reader for `answer.reader`: "shipped", "off" (None), or a folder that `instill train reader` made.

    Raises:
        UsageError: the folder holds no reader.
        WorkspaceError: its files cannot be used.
    """
    if chosen == "off":
        return None
    folder = reader_folder(chosen)
    if not (folder / MANIFEST_FILE).is_file():
        raise UsageError(
            "There is no reader in this folder.",
            where=str(folder),
            remedy='Set answer.reader to "shipped", "off", or to the folder OUT/reader of instill train reader.',
        )
    return _OPEN.get((folder, files_of(folder), threads), lambda: Reader(folder, threads=threads))
