"""Small files that are written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_FULL = ("no space left", "file too large", "disk quota", "disk is full", "os error 28", "os error 27", "os error 122")


def write_json(file: Path, content: Any) -> None:
    """Put `content` in place of what was in `file`; a reader sees the old content or the new, also when power is lost.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "a.json"
        >>> write_json(file, {"weight": 0.5})
        >>> json.loads(file.read_text())
        {'weight': 0.5}
    """
    write_bytes(file, json.dumps(content, indent=2, ensure_ascii=False).encode())


def write_bytes(file: Path, content: bytes) -> None:
    """As `write_json`, any content."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with in_place_of(file, draft), draft.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


@contextmanager
def in_place_of(file: Path, draft: Path) -> Iterator[None]:
    """Put `draft` in place of `file` when the block ends; when it fails, as on a full disk, nothing of it stays.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with in_place_of(folder / "a", folder / ".a"):
        ...     _ = (folder / ".a").write_text("new")
        >>> [file.name for file in folder.iterdir()]
        ['a']
    """
    try:
        yield
        draft.replace(file)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def is_full(error: BaseException) -> bool:
    """Whether a disk, a quota, or a limit on the size of files was what an error is about, whoever raised it.

    Libraries that are not written in Python tell it in words alone.

    Example:
        >>> is_full(OSError(28, "No space left on device")), is_full(ValueError("I/O error: No space left on device"))
        (True, True)
    """
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return True
    said = str(error).lower()
    return any(sign in said for sign in _FULL)
