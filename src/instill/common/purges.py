"""What was purged from a workspace, and when a result may still be kept.

Whoever makes something of documents looks at the mark when it begins to read, and keeps the result inside `keeping`:
if one of the documents was purged or forgotten meanwhile, by whatever process, the result is not kept. A purge and the
writing of a result exclude each other, so that a purge finds every result that was written before it.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from instill.common.durable_files import write_bytes
from instill.common.made_from import MadeFrom
from instill.errors import ForgottenMeanwhile, WorkspaceError

_FILE = "purged"
_MOST = 1000
_WAIT_S = 600.0
_LOOK_S = 0.05
_LOCK = Path("jobs") / "pause.lock"


def note_purge(home: Path, doc_ids: Collection[str]) -> None:
    """Change the mark, when everything of these documents is taken out.

    Args:
        home: a workspace's `.instill`.

    Example:
        >>> import tempfile
        >>> home = Path(tempfile.mkdtemp())
        >>> before = last_purge(home)
        >>> note_purge(home, ["d1"])
        >>> before, before == last_purge(home), sorted(purged_since(home, before))
        ('', False, ['d1'])
        >>> purged_since(home, last_purge(home))
        frozenset()
    """
    lines = [*_lines(home), json.dumps([secrets.token_hex(8), sorted(doc_ids)])]
    write_bytes(home / _FILE, "".join(f"{line}\n" for line in lines[-_MOST:]).encode())


def last_purge(home: Path) -> str:
    """A mark that is another one after every purge; "" where nothing was purged yet."""
    return next((mark for mark, _ in reversed(_purges(home))), "")


def purged_since(home: Path, mark: str) -> frozenset[str]:
    """The ids of the documents that were purged since the mark was the last."""
    found: set[str] = set()
    for each, doc_ids in reversed(_purges(home)):
        if each == mark:
            break
        found.update(doc_ids)
    return frozenset(found)


@contextmanager
def keeping(home: Path, made: MadeFrom, since: str | None) -> Iterator[None]:
    """Write a result inside; meanwhile nothing is purged.

    Args:
        home: a workspace's `.instill`.
        made: the documents that the result was made from.
        since: the mark when they began to be read; None: nothing is looked at.

    Raises:
        ForgottenMeanwhile: one of them was purged or forgotten since; write nothing.
        WorkspaceError: a purge has been going on for too long.
    """
    if since is None:
        yield
        return
    with pause_lock(home, alone=False, seconds=_WAIT_S) as free:
        if not free:
            raise another_purges(home)
        gone = purged_since(home, since) & made.doc_ids
        if gone:
            raise ForgottenMeanwhile(
                "A document that this was made from was forgotten or purged meanwhile, so the result is not kept.",
                where=", ".join(sorted(gone)[:3]),
                remedy="Run the command again: it begins from what is left. What it had open is deleted by: "
                "instill remove --purge",
            )
        yield


def another_purges(home: Path) -> WorkspaceError:
    """The lock cannot be had; nothing was changed or kept."""
    return WorkspaceError(
        "Another process has been forgetting or purging for too long.",
        where=str(home),
        remedy="Wait until it is done, then run the command again.",
    )


@contextmanager
def pause_lock(home: Path, *, alone: bool, seconds: float) -> Iterator[bool]:
    """Hold the lock under which text is taken out (`alone`) or results are kept; False where it cannot be had in time.
    The system frees it when the process dies."""
    if os.name != "posix":
        yield True
        return
    import fcntl

    (home / _LOCK).parent.mkdir(parents=True, exist_ok=True)
    file = os.open(home / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _locks(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH, seconds)
    finally:
        os.close(file)


def _locks(file: int, way: int, seconds: float) -> bool:
    import fcntl

    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, way | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(_LOOK_S)
        else:
            return True


def _purges(home: Path) -> list[tuple[str, list[str]]]:
    found = []
    for line in _lines(home):
        try:
            mark, doc_ids = json.loads(line)
        except ValueError:
            continue
        found.append((str(mark), [str(each) for each in doc_ids]))
    return found


def _lines(home: Path) -> list[str]:
    try:
        return (home / _FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
