"""Lines of JSON that are kept as soon as they are there: a run that was stopped is taken up again.

The first line names what the others belong to. A line is added whole and is on the disk before `add` returns. When the
process is killed while it writes, the next one removes the torn line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from instill.errors import WorkspaceError


class Journal:
    """An open file of lines. Open with `open_journal`."""

    def __init__(self, file: Path, identity: str, noun: str = "a result") -> None:
        self._file, self._noun = file, noun
        found = _whole_lines(file, noun)
        if not found:
            self.add({"identity": identity})
        elif found[0].get("identity") != identity:
            raise WorkspaceError(
                "The results in this file belong to other data, questions or settings.",
                where=str(file),
                remedy="Choose another file, or remove it to start over.",
            )
        self.lines: list[tuple[str, dict[str, Any]]] = [
            (f"{file}:{number}", line) for number, line in enumerate(found[1:], start=2)
        ]
        """What was there when it was opened, each with its place for errors."""

    def add(self, line: dict[str, Any]) -> None:
        """Append a line; it is on the disk afterwards."""
        with self._file.open("ab") as stream:
            stream.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def damaged(self, place: str) -> WorkspaceError:
        """For a line that is not what it should be."""
        return _damaged(place, self._noun)


@contextmanager
def open_journal(
    file: Path, identity: str, *, noun: str = "a result", work: str = "measuring this"
) -> Iterator[Journal]:
    """The lines in `file`, which is made if it is not there; no other process can open it meanwhile.

    Args:
        identity: a file that was begun with another one is refused.
        noun: what a line is, for errors.
        work: what another process that has it open is doing, for the error.

    Raises:
        WorkspaceError: the file is damaged, belongs to something else, or another process has it open.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "lines.jsonl"
        >>> for name in ("first", "second"):
        ...     with open_journal(file, "a") as journal:
        ...         journal.add({"name": name})
        ...         print(len(journal.lines))
        0
        1
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file.with_name(f"{file.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise WorkspaceError(
            f"Another process is {work}.",
            where=str(file),
            remedy="Wait for it, or stop it, then run the command again.",
        ) from error
    try:
        yield Journal(file, identity, noun)
    finally:
        lock.release()


def _damaged(place: str, noun: str) -> WorkspaceError:
    return WorkspaceError(
        f"This line is not {noun}.",
        where=place,
        remedy="Remove the line to measure it again, or the file to start over.",
    )


def _whole_lines(file: Path, noun: str) -> list[dict[str, Any]]:
    """The lines of the file; what stands behind the last line break was torn off by a kill and is removed."""
    if not file.exists():
        return []
    content = file.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(file, len(whole))
    lines = []
    for number, line in enumerate(whole.split(b"\n")[:-1], start=1):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _damaged(f"{file}:{number}", noun) from error
        if not isinstance(found, dict):
            raise _damaged(f"{file}:{number}", noun)
        lines.append(found)
    return lines
