"""What the body of a request may be: its size, and how slowly it may come."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from instill.server.errors import Refused, response

LEAST_BYTES_A_SECOND = 4096
"""A body that comes slower on the whole is given up, however evenly it drips."""


class Limits:
    """Refuses bodies that are too large (413) or too slow (408), and requests of two lengths (400).

    Args:
        most: the most bytes of a body, by the path of the request.
        seconds: the longest wait for the next bytes.
    """

    def __init__(self, app: ASGIApp, *, most: Callable[[str], int], seconds: float) -> None:
        self._app, self._most, self._seconds = app, most, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._most(scope["path"])
        refused = _length_refused(Headers(scope=scope), most)
        if refused is not None:
            await response(refused, scope["path"])(scope, receive, send)
            return
        body = _Body(receive, most, self._seconds)
        started = False

        async def instead(message: Message) -> None:
            """Whatever the application makes of half a body, it is told why the rest was not read."""
            nonlocal started
            if body.refused is None or started:
                started = started or message["type"] == "http.response.start"
                await send(message)

        with contextlib.suppress(_BodyRefused):
            await self._app(scope, body.receive, instead)
        if body.refused is not None and not started:
            await response(body.refused, scope["path"])(scope, receive, send)


class _BodyRefused(Exception):
    """No more of the body is read."""


class _Body:
    """The body of one request, as it comes."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive, self._most, self._seconds = receive, most, seconds
        self._size = 0
        self._began = 0.0
        self.refused: Refused | None = None
        self._whole = False

    async def receive(self) -> Message:
        if self.refused is not None:
            raise _BodyRefused
        if self._whole:  # What comes now is only that the caller has left.
            return await self._receive()
        self._began = self._began or anyio.current_time()
        allowed = self._seconds + self._size / LEAST_BYTES_A_SECOND - (anyio.current_time() - self._began)
        try:
            with anyio.fail_after(max(0.0, min(self._seconds, allowed))):
                message = await self._receive()
        except TimeoutError:
            self.refused = _too_slow()
            raise _BodyRefused from None
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._size > self._most:
                self.refused = too_large(self._most)
                raise _BodyRefused
        return message


def too_large(most: int) -> Refused:
    """For a body of more than `most` bytes."""
    return Refused(
        413,
        f"The request is larger than {most / 1024**2:.3g} MB.",
        remedy="Send less at once, or raise max_body_mb or max_upload_mb under [server] in instill.toml.",
        headers={"connection": "close"},
    )


def _too_slow() -> Refused:
    return Refused(
        408, "The request came too slowly.", remedy="Check the network, and try again.", headers={"connection": "close"}
    )


def _length_refused(headers: Headers, most: int) -> Refused | None:
    lengths = headers.getlist("content-length")
    if len(lengths) > 1 or (lengths and "transfer-encoding" in headers):
        # Two that read it differently would see two different requests.
        return Refused(400, "The request says its length twice.", headers={"connection": "close"})
    if lengths and not lengths[0].isdecimal():
        return Refused(400, "The request's length is no number.", headers={"connection": "close"})
    if lengths and int(lengths[0]) > most:
        return too_large(most)
    return None
