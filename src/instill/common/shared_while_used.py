"""Opened model files that all users of a process share for as long as one of them holds them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class SharedWhileUsed(Generic[T]):
    """Opens a thing once; whoever asks for the same key while somebody holds it gets the same object.

    Nothing is kept when its last user lets go of it. Thread-safe; the things have to be, too.

    Example:
        >>> class Model: ...
        >>> opened = SharedWhileUsed[Model]()
        >>> one = opened.get("a", Model)
        >>> opened.get("a", Model) is one, opened.get("b", Model) is one
        (True, False)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: WeakValueDictionary[Hashable, T] = WeakValueDictionary()

    def get(self, key: Hashable, opening: Callable[[], T]) -> T:
        """The thing with this key. What `opening` raises is raised here, and nothing is kept."""
        with self._lock:
            found = self._open.get(key)
            if found is None:
                found = self._open[key] = opening()
            return found


def files_of(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, time of change and size of each file of a folder: for a key that changes when a file does.

    Example:
        >>> files_of(Path("/nowhere"))
        ()
    """
    try:
        stats = sorted((entry.name, entry.stat()) for entry in folder.iterdir() if entry.is_file())
    except OSError:  # Whoever opens the files says what is wrong with them.
        return ()
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
