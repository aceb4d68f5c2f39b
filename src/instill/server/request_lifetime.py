"""A request while it lasts: whether who sent it is still there, and what has to be given back when it ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Given(Protocol):
    """What is given to a request for as long as it lasts."""

    def drop(self) -> None:
        """Give it back, unless somebody still uses it."""


class Gone(BaseException):
    """Nobody waits for the answer any more. No child of Exception, so that nothing takes it for a failure."""


class Visit:
    """One request. Threads that work for it look here whether anybody still waits for what they do.

    Args:
        address: of who asks.

    Example:
        >>> visit = Visit()
        >>> visit.when_gone(lambda: print("stop"))
        >>> visit.leave()
        stop
        >>> visit.is_gone
        True
    """

    def __init__(self, address: str = "") -> None:
        self.address = address
        self._lock = threading.Lock()
        self._is_gone = False
        self._told: list[Callable[[], None]] = []
        self._given: list[Given] = []

    @property
    def is_gone(self) -> bool:
        """Whether who asked has left."""
        return self._is_gone

    def when_gone(self, do: Callable[[], None]) -> None:
        """Have it called, in whatever thread notices, when who asked leaves; at once if they have left already."""
        with self._lock:
            if not self._is_gone:
                self._told.append(do)
                return
        do()

    def go_on(self, _: str = "") -> None:
        """Does nothing while somebody waits; for who calls it with each piece of an answer.

        Raises:
            Gone: nobody does.
        """
        if self._is_gone:
            raise Gone

    def leave(self) -> None:
        """Who asked has left."""
        with self._lock:
            self._is_gone = True
            told, self._told = self._told, []
        for do in told:
            do()

    def keep(self, given: Given) -> None:
        """Have it given back when the request ends."""
        self._given.append(given)

    def end(self) -> None:
        """The request has ended."""
        for given in self._given:
            given.drop()


class Visits:
    """Gives every request its `Visit`, as `visit` in its state, and listens for its caller's leaving once the body is
    there: whoever works for it in a thread cannot listen.

    Args:
        address_of: of who asks.
    """

    def __init__(self, app: ASGIApp, *, address_of: Callable[[Scope], str]) -> None:
        self._app, self._address_of = app, address_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = Visit(self._address_of(scope))
        scope.setdefault("state", {})["visit"] = visit
        listening: asyncio.Task[Message] | None = None

        async def leaving() -> Message:
            message = await receive()
            visit.leave()
            return message

        async def receiving() -> Message:
            nonlocal listening
            if listening is not None:
                return await asyncio.shield(listening)
            message = await receive()
            if message["type"] == "http.disconnect":
                visit.leave()
            elif not message.get("more_body", False):
                listening = asyncio.create_task(leaving())
            return message

        try:
            await self._app(scope, receiving, send)
        finally:
            visit.end()
            if listening is not None:
                listening.cancel()
