"""Clients of databases that run in this process: one for a folder, however often it is opened."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class LocalClients:
    """Clients by the path of their folder. Safe to share between threads.

    Example:
        >>> clients = LocalClients()
        >>> one, other = (clients.opened("/a", list) for _ in range(2))
        >>> one is other, clients.closed("/a"), clients.closed("/a"), clients.closed("/a")
        (True, False, True, False)
    """

    def __init__(self) -> None:
        # A client may be released by the garbage collector while this thread makes another one.
        self._lock = threading.RLock()
        self._clients: dict[str, Any] = {}
        self._users: dict[str, int] = {}

    def opened(self, path: str, make: Callable[[], Any]) -> Any:
        """The client of a folder, made where there is none."""
        with self._lock:
            if path not in self._clients:
                self._clients[path] = make()
            self._users[path] = self._users.get(path, 0) + 1
            return self._clients[path]

    def closed(self, path: str) -> bool:
        """One user less; whether it was the last, so that the client has to be closed."""
        with self._lock:
            left = self._users.get(path, 0) - 1
            if left > 0:
                self._users[path] = left
                return False
            self._users.pop(path, None)
            return self._clients.pop(path, None) is not None
