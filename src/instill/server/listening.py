"""Serving: where it may listen, and until when."""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from instill.common.freed_memory import share_freed_memory
from instill.common.loopback import is_loopback
from instill.errors import UsageError
from instill.server.access.header_timeout import patient
from instill.server.app import create_app
from instill.server.service import Service

DRAIN_S = 30
"""What is being answered when the server is told to end has so long to be finished."""
ENDING = f"Stopping: requests that have begun are answered first, for at most {DRAIN_S} s. Ctrl-C again stops at once."


_LONG_S = 1.0
"""To end without a word is fine for so long."""


def serve(
    folder: Path,
    *,
    host: str | None = None,
    port: int | None = None,
    on_ready: Callable[[str], None],
    on_end: Callable[[str], None] = lambda _said: None,
) -> None:
    """Serve the workspace in `folder` until SIGTERM or Ctrl-C.

    Args:
        host, port: otherwise as they are set.
        on_ready: called with the address once it is listened to.
        on_end: called with a line for people when it is told to end, and with another one when that took longer than a
            second.

    Raises:
        UsageError: the address is not this machine's own and there is no key, or it cannot be listened to.
    """
    share_freed_memory()
    app = create_app(folder, loopback=is_loopback(host or _host(folder)))
    service: Service = app.state.service
    chosen = service.settings.server
    host, port = host or chosen.host, chosen.port if port is None else port
    if not is_loopback(host) and not service.keys.any():
        service.close()
        raise need_of_a_key(f"--host {host}")
    listening = _listening(host, port)
    config = config_of(app, behind_proxy=chosen.behind_proxy, seconds=chosen.body_timeout_s)
    server = _Server(config, service.is_ending)
    for each in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again when it has ended as it was told
        signal.signal(each, lambda *_: None)
    with listening:
        shown, number = listening.getsockname()[:2]
        name = f"[{shown}]" if ":" in shown else shown
        threading.Thread(target=_tell, args=(server, on_ready, f"http://{name}:{number}"), daemon=True).start()
        telling = threading.Thread(target=_tell_end, args=(service.is_ending, on_end), daemon=True)
        telling.start()
        server.run(sockets=[listening])
    if server.ending_since is not None:
        telling.join(_LONG_S)
        if time.monotonic() - server.ending_since > _LONG_S:
            on_end("Stopped.")
    if not server.started:
        sys.exit(1)


class _Server(uvicorn.Server):
    """Tells the application at once that it is to end; uvicorn does so when all connections are closed.

    Args:
        is_ending: is set then.
    """

    def __init__(self, config: uvicorn.Config, is_ending: threading.Event) -> None:
        super().__init__(config)
        self._is_ending = is_ending
        self.ending_since: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal has come."""
        self.ending_since = self.ending_since or time.monotonic()
        self._is_ending.set()
        super().handle_exit(sig, frame)


def need_of_a_key(where: str) -> UsageError:
    """The mistake of serving others than this machine without any key."""
    return UsageError(
        "Without a key only this machine is served.",
        where=where,
        remedy="Make one: instill keys add NAME --role admin",
    )


def config_of(app: FastAPI, *, behind_proxy: bool = False, seconds: float = 30.0) -> uvicorn.Config:
    """How the application is served: HTTP/1.1 by h11, which takes nothing that two servers may read differently.

    Args:
        seconds: the longest wait for a request's headers.
    """
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=DRAIN_S,
        proxy_headers=behind_proxy,
        forwarded_allow_ips="127.0.0.1,::1" if behind_proxy else "",
        h11_max_incomplete_event_size=64 * 1024,
        http=patient(seconds),
        ws="none",
    )


def _host(folder: Path) -> str:
    from instill.server.served_workspace import service_settings

    return service_settings(folder).server.host


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError("This address is not known.", where=f"--host {host}", remedy="Use 127.0.0.1.") from error
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind(address)
        found.listen(2048)
    except OSError as error:
        found.close()
        raise UsageError(
            f"This address cannot be listened to: {error.strerror}.",
            where=f"{host}:{port}",
            remedy="Choose another: --port 8700, or --port 0 for any that is free.",
        ) from error
    return found


def _tell_end(is_ending: threading.Event, on_end: Callable[[str], None]) -> None:
    """In a thread: what a signal interrupts may be printing."""
    is_ending.wait()
    on_end(ENDING)


def _tell(server: uvicorn.Server, on_ready: Callable[[str], None], address: str) -> None:
    while not server.started and not server.should_exit:
        time.sleep(0.02)
    if server.started:
        on_ready(address)
