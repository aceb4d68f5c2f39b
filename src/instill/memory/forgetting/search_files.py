"""A program of its own: which files below a folder hold one of several strings of bytes?

It reads its task from standard input as JSON, `{"folder", "wanted": [hexadecimal]}`, and writes
`{"files", "found": [paths relative to the folder]}`. It imports nothing of Instill, so that it starts at once.

Why not in the process that asks: the folder holds the workspace's SQLite files. Locks belong to a process and a file,
not to a connection. When a process that has a database open also opens and closes its file by other means, it loses all
its locks. Another process may then remove the log in which committed data still stands (SQLite, "How To Corrupt An
SQLite Database File", 2.2).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

_BLOCK = 1 << 22


def search(folder: Path, wanted: Sequence[bytes]) -> tuple[int, list[str]]:
    """How many files there are, and which of them hold one of the strings; letters from A to Z count as small ones."""
    files, found = 0, []
    longest = max(map(len, wanted), default=1)
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or file.is_symlink():
            continue
        files += 1
        try:
            if wanted and any(form in block for block in _blocks(file, longest) for form in wanted):
                found.append(file.relative_to(folder).as_posix())
        except FileNotFoundError:  # It was deleted meanwhile.
            continue
    return files, found


def _blocks(file: Path, overlap: int) -> Iterator[bytes]:
    """The file in parts, lowered, each beginning with the end of the one before."""
    with file.open("rb") as stream:
        tail = b""
        while part := stream.read(_BLOCK):
            block = tail + part
            yield block.lower()
            tail = block[-overlap:]


if __name__ == "__main__":
    task = json.load(sys.stdin)
    try:
        number, names = search(Path(task["folder"]), [bytes.fromhex(each) for each in task["wanted"]])
    except OSError as error:
        sys.exit(f"{error.strerror}: {error.filename}")
    json.dump({"files": number, "found": names}, sys.stdout)
