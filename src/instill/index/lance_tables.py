"""Handles on the Lance table: one that writes, and snapshots that readers share.

A snapshot is pinned to one version and never moves, so everything that is read through it belongs together, whatever
is committed meanwhile. Reading takes no lock.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from instill.common.durable_files import is_full
from instill.errors import InstillError, WorkspaceError
from instill.index.schema import TABLE

Result = TypeVar("Result")
Table = Any
"""A LanceDB table (the package has no types)."""

_LATER_COLUMNS = {"table_head": "cast(null as string)", "table_head_start": "cast(null as bigint)"}
"""Columns that the first tables lack, and what they hold there."""

_PANICS = ("RustPanic", "PanicException")
_REFUSED = ("permission denied", "read-only file system", "os error 13", "os error 30")


class Tables:
    """Opens the table in `folder` and keeps a snapshot of its latest version."""

    def __init__(self, folder: Path, database: Any = None) -> None:
        self._folder = folder
        self._database = connect(folder) if database is None else database
        self._lock = threading.Lock()
        self._watch: Table = None
        self._snapshot: Table = None

    def writable(self) -> Table:
        """A handle on the latest version, for a caller that holds the write lock."""
        table = self._database.open_table(TABLE)
        lacking = {name: sql for name, sql in _LATER_COLUMNS.items() if name not in table.schema.names}
        if lacking:
            table.add_columns(lacking)
        return table

    def newest_version(self) -> int:
        """The number of the latest version, looked up anew."""
        return int(self._database.open_table(TABLE).version)

    def snapshot(self) -> Table:
        """The latest version, pinned. Shared by threads; nobody may move it."""
        with self._lock:
            if self._watch is None:
                self._watch = self._database.open_table(TABLE)
            else:
                self._watch.checkout_latest()
            version = self._watch.version
            if self._snapshot is None or self._snapshot.version != version:
                self._snapshot = self._database.open_table(TABLE, version=version)
            return self._snapshot

    def reading(self, read: Callable[[Table], Result]) -> Result:
        """`read` a snapshot; once more on a newer one if files of the first were cleaned up meanwhile.

        Raises:
            WorkspaceError: the second attempt failed too.
        """
        try:
            return read(self.snapshot())
        except InstillError:
            raise
        except BaseException as error:
            if not is_of_the_store(error):
                raise
            with self._lock:
                self._watch = self._snapshot = None
        with self.errors():
            return read(self.snapshot())

    def errors(self) -> AbstractContextManager[None]:
        """Turns what the store raises into a `WorkspaceError`."""
        return storage_errors(self._folder)


def connect(place: Path | str, options: Mapping[str, str] | None = None) -> Any:
    """The LanceDB database in a folder, or at an address that is reached with these options.

    Raises:
        WorkspaceError: the clock stands before 1970, where the store counts from and breaks down.
    """
    if time.time() < 0:
        raise WorkspaceError(
            "The clock of this machine is set before 1970; the index cannot be used.",
            where=str(place),
            remedy="Set the clock (see: date) and run the command again. Nothing was lost.",
        )
    return imported_lancedb().connect(str(place), storage_options=dict(options) if options else None)


def imported_lancedb() -> Any:
    """The package, with the client of its REST catalogue left until somebody asks for it.

    That client's checked methods take nearly half of the import, and a folder needs only the types beside them.
    LanceDB reads the variables once, when it is imported. By default it writes warnings between a command's output,
    among them one for each commit that had to be tried again.
    """
    os.environ.setdefault("LANCEDB_LOG", "error")
    os.environ.setdefault("LANCE_INCLUDE_VECTOR_CENTROIDS", "false")
    client = "lance_namespace_urllib3_client"
    if not {"lancedb", client} & sys.modules.keys() and (found := importlib.util.find_spec(client)) is not None:
        sys.modules[client] = _run_when_needed(found)
    return importlib.import_module("lancedb")


def _run_when_needed(spec: ModuleSpec) -> ModuleType:
    """A package whose modules can be imported; its own code runs when one of its names is first asked for."""
    package = importlib.util.module_from_spec(spec)

    def run(name: str) -> Any:
        if name.startswith("__") or spec.loader is None:
            raise AttributeError(name)
        vars(package).pop("__getattr__", None)
        spec.loader.exec_module(package)
        return getattr(package, name)

    vars(package)["__getattr__"] = run
    return package


@contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turn what the store raises into a `WorkspaceError` that says what to do."""
    try:
        yield
    except InstillError:
        raise
    except BaseException as error:
        if not is_of_the_store(error):
            raise
        message = str(error).lower()
        if is_full(error):
            what, remedy = "The disk is full; nothing was changed.", "Free some space and run the command again."
        elif any(sign in message for sign in _REFUSED):
            what, remedy = "The index cannot be written here.", "Check the folder's permissions."
        else:
            what = f"The index could not be used: {first_line(str(error))}"
            remedy = "Run: instill doctor"
        raise WorkspaceError(what, where=str(folder), remedy=remedy) from error


class StoreFailure(Exception):
    """The store failed, whatever it raised: for those who go on with what is left."""


@contextmanager
def store_failures() -> Iterator[None]:
    """Turn whatever the store raises, panics of its own code among them, into a `StoreFailure`.

    Example:
        >>> try:
        ...     with store_failures():
        ...         raise RuntimeError("lance error: no such file")
        ... except StoreFailure as failure:
        ...     print(failure)
        lance error: no such file
    """
    try:
        yield
    except BaseException as error:
        if not is_of_the_store(error):
            raise
        raise StoreFailure(str(error)) from error


def is_conflict(error: BaseException) -> bool:
    """Whether a commit failed only because another one came first, or others came for as long as the store tries again.

    Example:
        >>> is_conflict(RuntimeError("lance error: Too many concurrent writers. Attempted 2 times"))
        True
    """
    said = str(error).lower()
    return "conflict" in said or "concurrent writers" in said


def is_of_the_store(error: BaseException) -> bool:
    """Whether the store failed. A panic of its own code is no RuntimeError, and one of its two kinds no Exception."""
    return isinstance(error, OSError | RuntimeError | ValueError) or type(error).__name__ in _PANICS


def first_line(message: str) -> str:
    """The first line of what the store says, cut to 300 characters."""
    return message.strip().partition("\n")[0][:300]
