"""The results of a curve on disk, a line each: a run that was stopped is taken up again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from instill.errors import WorkspaceError
from instill.measure.curve.results import Result


class StoredResults:
    """Results in a JSONL file: the first line names what they belong to, each other line is one result.

    A line is added whole and is on the disk before `add` returns. When the process is killed while it writes, the next
    one removes the torn line. Open with `open_results`.
    """

    def __init__(self, file: Path, identity: str) -> None:
        self._file = file
        self._known: dict[tuple[int, int], Result] = {}
        lines = _whole_lines(file)
        if not lines:
            self._append({"identity": identity})
            return
        if lines[0].get("identity") != identity:
            raise WorkspaceError(
                "The results in this file belong to other data, questions or settings.",
                where=str(file),
                remedy="Choose another file, or remove it to start over.",
            )
        for number, line in enumerate(lines[1:], start=2):
            found = _result(line, f"{file}:{number}")
            self._known[found.size, found.seed] = found

    def get(self, size: int, seed: int) -> Result | None:
        """What was kept for this size and seed, if anything."""
        return self._known.get((size, seed))

    def add(self, result: Result) -> None:
        """Keep a result; it is on the disk afterwards."""
        self._append(
            {"size": result.size, "seed": result.seed, "scores": list(result.scores), "seconds": result.seconds}
        )
        self._known[result.size, result.seed] = result

    def _append(self, line: dict[str, Any]) -> None:
        with self._file.open("ab") as stream:
            stream.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())


@contextmanager
def open_results(file: Path, identity: str) -> Iterator[StoredResults]:
    """The results in `file`, which is made if it is not there; no other process can open it meanwhile.

    Raises:
        WorkspaceError: the file is damaged, belongs to something else, or another process has it open.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "results.jsonl"
        >>> with open_results(file, "a") as results:
        ...     results.add(Result(10, 0, (1.0, 0.0)))
        >>> with open_results(file, "a") as results:
        ...     print(results.get(10, 0).mean)
        0.5
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file.with_name(f"{file.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise WorkspaceError(
            "Another process is measuring this curve.",
            where=str(file),
            remedy="Wait for it, or stop it, then run the command again.",
        ) from error
    try:
        yield StoredResults(file, identity)
    finally:
        lock.release()


def _whole_lines(file: Path) -> list[dict[str, Any]]:
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
            raise _damaged(f"{file}:{number}") from error
        if not isinstance(found, dict):
            raise _damaged(f"{file}:{number}")
        lines.append(found)
    return lines


def _result(line: dict[str, Any], place: str) -> Result:
    try:
        scores = tuple(float(score) for score in line["scores"])
        return Result(int(line["size"]), int(line["seed"]), scores, float(line["seconds"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(place) from error


def _damaged(place: str) -> WorkspaceError:
    return WorkspaceError(
        "This line is not a result of a curve.",
        where=place,
        remedy="Remove the line to measure it again, or the file to start over.",
    )
