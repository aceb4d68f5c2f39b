"""Sockets that obey a clock: whatever a server does between two bytes, looking up, connecting, sending and reading end.

A limit on the wait for the next byte never ends a server that sends one byte a second. So every operation on the
socket gets what is left of the whole time, and a name is looked up by a thread that is not waited for longer.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from collections.abc import Iterable
from time import monotonic
from typing import Any

import httpcore

_SLICE = 4096
"""Bytes that are sent at once: a socket that takes any takes these, so no single send can be drawn out."""


class Clock:
    """What is left until `deadline` (by `time.monotonic`)."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline

    def shorten(self, seconds: float) -> None:
        """End in so many seconds, or when it would have ended before."""
        self.deadline = min(self.deadline, monotonic() + seconds)

    def left(self, longest: float | None, late: type[Exception]) -> float:
        """Seconds that may be waited, at most `longest`.

        Raises:
            Exception: of the kind `late`, when there are none.

        Example:
            >>> Clock(monotonic() + 100).left(3.0, TimeoutError)
            3.0
        """
        left = self.deadline - monotonic()
        if left <= 0:
            raise late("the time is over")
        return left if longest is None else min(left, longest)


class DeadlineBackend(httpcore.NetworkBackend):
    """Connects within `connect_s`, and never after the clock; its streams obey the clock."""

    def __init__(self, clock: Clock, connect_s: float) -> None:
        self._clock = clock
        self._connect_s = connect_s
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Try the host's addresses in turn, all of them within the time for one."""
        clock = Clock(min(self._clock.deadline, monotonic() + self._connect_s))
        failure: Exception = httpcore.ConnectError("the host has no address")
        for address in _addresses(host, port, clock):
            try:
                left = clock.left(timeout, httpcore.ConnectTimeout)
                stream = self._backend.connect_tcp(address, port, left, local_address, socket_options)
                return _DeadlineStream(stream, self._clock)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._clock.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _SLICE):
            left = self._clock.left(timeout, httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + _SLICE], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._clock.left(timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, left), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _addresses(host: str, port: int, clock: Clock) -> list[str]:
    """The numbers of a host, in the resolver's order. The resolver itself knows no time limit."""
    found: queue.Queue[list[str] | Exception] = queue.Queue()

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.put(list(dict.fromkeys(str(entry[4][0]) for entry in entries)))
        except (OSError, UnicodeError) as error:
            found.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        result = found.get(timeout=clock.left(None, httpcore.ConnectTimeout))
    except queue.Empty:
        raise httpcore.ConnectTimeout("the name was not found in time") from None
    if isinstance(result, Exception):
        raise httpcore.ConnectError(str(result)) from result
    return result
