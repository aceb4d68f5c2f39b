"""In front of the replicas on a cluster: a request whose replica is lost is given to another one.

A reading request is asked again, from the beginning, as long as nothing of its answer has gone out; so a caller whose
replica dies with its node gets the answer a little later. What changes something (an upload, a turn of a stored
conversation) is not done twice: its caller is told that nobody knows whether it was done.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import anyio
from starlette.types import Message, Receive, Scope, Send

from instill.server.errors import Refused, response

log = logging.getLogger("instill.server")

Answered = Callable[[Scope, bytes], AsyncGenerator[Message, None]]
"""A request and its body -> the messages of its answer, as ASGI has them."""

_READING = ("/api/search", "/api/ask", "/api/sql", "/v1/chat/completions", "/v1/responses", "/v1/messages",
            "/v1/embeddings")  # fmt: skip
_TRIES = 6
_PAUSE_S = 0.2
"""Before the second try, and that much longer before each one after it: a lost replica is known to all in a second."""


def may_be_repeated(scope: Scope) -> bool:
    """Whether the request changes nothing that anybody would see twice. (The log of questions may hold one twice.)

    Example:
        >>> may_be_repeated({"method": "POST", "path": "/api/ask"})
        True
        >>> may_be_repeated({"method": "POST", "path": "/api/documents"})
        False
    """
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return True
    path = scope["path"].rstrip("/")
    searches = path.startswith("/v1/vector_stores/") and path.endswith("/search")
    return scope["method"] == "POST" and (path in _READING or searches)


class AsksAgain:
    """An ASGI application that has its requests answered elsewhere.

    Args:
        answered: gives a request to one of those who answer.
        lost: what it raises when that one is gone.
    """

    def __init__(self, answered: Answered, lost: tuple[type[BaseException], ...]) -> None:
        self._answered, self._lost = answered, lost

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await _whole_body(receive)
        if body is None:
            return
        async with anyio.create_task_group() as group:

            async def leave_with_the_caller() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(leave_with_the_caller)
            await self._answer(scope, body, send)
            group.cancel_scope.cancel()

    async def _answer(self, scope: Scope, body: bytes, send: Send) -> None:
        tries = _TRIES if may_be_repeated(scope) else 1
        for left in reversed(range(tries)):
            held: list[Message] = []
            gone_out = False
            try:
                async with aclosing(self._answered(scope, body)) as messages:
                    async for message in messages:
                        held.append(message)
                        if message["type"] == "http.response.start":
                            continue  # It goes out with the first bytes: until then the request can be repeated.
                        for each in held:
                            await send(each)
                        held, gone_out = [], True
                return
            except self._lost as error:
                if gone_out:
                    raise  # The connection is cut, so that nobody takes a part for the whole.
                log.warning("%s %s: a replica was lost (%s)", scope["method"], scope["path"], type(error).__name__)
                if left:
                    await anyio.sleep(_PAUSE_S * (tries - left))
                else:
                    await response(_lost(tries), scope["path"])(scope, _nothing, send)


async def _whole_body(receive: Receive) -> bytes | None:
    """The body, whose size and speed `Limits` bounds; None: the caller left before its end."""
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(parts)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _lost(tries: int) -> Refused:
    if tries > 1:
        return Refused(503, "The processes that answered this request were lost.", remedy="Ask again in a moment.")
    return Refused(
        503,
        "The process that worked on this request was lost, so it is unknown whether the request was done.",
        remedy="Look whether it was done, then send it again.",
    )
