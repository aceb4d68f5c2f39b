"""A copy of a table on the local disk, so that queries read no network.

Every file of a Lance table is written once and never changed. So a copy is brought up to date by fetching what is not
here yet, the file that names the newest version last. What is gone from the bucket is deleted here too.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock

from instill.common.durable_files import is_full
from instill.common.object_storage.failures import persistently

_VERSIONS = "_versions"
_NEWEST = 2**64 - 1
_LOCK_S = 600.0
_ATTEMPTS = 4


class TooLarge(Exception):
    """The table is larger than its place on the local disk."""


class Replica:
    """The copy of one table.

    Args:
        bucket: a client whose paths begin at the table.
        folder: of the copy.
        most: bytes that it may take.
    """

    def __init__(self, bucket: Any, folder: Path, most: float) -> None:
        self._bucket, self._folder, self._most = bucket, folder, most

    def newest(self) -> int:
        """The number of the table's newest version in the bucket; one request. 0 where there is none."""
        return max((version_of(path) for path, _ in self._listed(_VERSIONS)), default=0)

    def follow(self) -> int:
        """Bring the copy up to date; the version that it holds then.

        Raises:
            TooLarge: it would take more than it may, or than there is.
            OSError, or what the client raises: a file cannot be fetched.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder.with_name("copy.lock"), timeout=_LOCK_S):
            for attempt in range(_ATTEMPTS):
                try:
                    return self._fetched()
                except FileNotFoundError:  # cleaned away since it was listed
                    if attempt == _ATTEMPTS - 1:
                        raise
                except OSError as error:
                    if is_full(error):
                        raise TooLarge from error
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def drop(self) -> None:
        """Delete the copy."""
        import shutil

        shutil.rmtree(self._folder, ignore_errors=True)

    def _fetched(self) -> int:
        there = dict(self._listed())
        newest = max((version_of(path) for path in there), default=0)
        # Older versions are not wanted here: who reads one that is not here any more reads again on the newest.
        wanted = {path: size for path, size in there.items() if version_of(path) in (0, newest)}
        if sum(wanted.values()) > self._most:
            raise TooLarge
        here = {path: self._size(path) for path in self._here()}
        lacking = [path for path, size in wanted.items() if here.get(path) != size]
        for path in sorted(lacking, key=lambda path: (version_of(path), path)):
            persistently(partial(self._fetch, path, wanted[path]))
        for path in here.keys() - wanted.keys():
            if version_of(path) != newest and (path not in there or version_of(path)):
                (self._folder / path).unlink(missing_ok=True)
        return newest

    def _fetch(self, path: str, size: int) -> None:
        import obstore

        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with draft.open("wb") as stream:
                for chunk in obstore.get(self._bucket, path).stream(min_chunk_size=1 << 20):
                    stream.write(bytes(chunk))
            if draft.stat().st_size != size:
                raise OSError(f"connection closed: {draft.stat().st_size} of {size} bytes came")
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)

    def _listed(self, below: str = "") -> list[tuple[str, int]]:
        import obstore

        found = persistently(lambda: obstore.list(self._bucket, prefix=below or None).collect())
        return [(str(each["path"]), int(each["size"])) for each in found if _is_safe(str(each["path"]))]

    def _here(self) -> list[str]:
        files = (path for path in self._folder.rglob("*") if path.is_file())
        return [path.relative_to(self._folder).as_posix() for path in files]

    def _size(self, path: str) -> int:
        try:
            return (self._folder / path).stat().st_size
        except OSError:
            return -1


def version_of(path: str) -> int:
    """The version that a file names; 0 for any other file.

    Example:
        >>> version_of("_versions/18446744073709551612.manifest"), version_of("data/a.lance")
        (3, 0)
    """
    folder, _, name = path.rpartition("/")
    number = name.removesuffix(".manifest")
    if folder != _VERSIONS or number == name or not number.isdecimal():
        return 0
    return _NEWEST - int(number) if len(number) == 20 else int(number)


def _is_safe(path: str) -> bool:
    """Whether a name from the bucket stays inside the copy's folder."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\\" not in path and "\x00" not in path
