"""`/mcp`: the Model Context Protocol by HTTP, loaded when somebody first asks.

The protocol's library takes a second and 40 MB, and most servers are never asked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
from starlette.types import Receive, Scope, Send

from instill.server.access.caller_role import Role, Who
from instill.server.errors import Refused, response
from instill.server.service import Service

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager


class HttpDoor:
    """`/mcp` as an ASGI application, behind the gate: it finds who asks in the request's state.

    Args:
        most: the most bytes of a request.
    """

    takes: Role = "reader"
    path = "/mcp"

    def __init__(self, service: Service, *, most: int) -> None:
        self._service, self._most = service, most
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While this lasts, requests are answered."""
        self._loading, self._loaded, self._ready = anyio.Lock(), anyio.Event(), anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run)
            yield
            tasks.cancel_scope.cancel()

    async def _run(self) -> None:
        """From the first request on, in one task: the library's manager has to be left where it was entered."""
        await self._loaded.wait()
        assert self._manager is not None
        async with self._manager.run():
            self._ready.set()
            await anyio.sleep_forever()

    async def _when_ready(self) -> StreamableHTTPSessionManager:
        async with self._loading:
            if self._manager is None:
                self._manager = await anyio.to_thread.run_sync(self._load)
                self._loaded.set()
        await self._ready.wait()
        return self._manager

    def _load(self) -> StreamableHTTPSessionManager:
        from instill.server.doors.mcp_door import http_manager

        return http_manager(self._service, most=self._most)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self  # Metrics and traces name requests by their route.
        who = scope.get("state", {}).get("who")
        if not isinstance(who, Who) or not who.may(self.takes):
            refused = Refused(403, f"This takes the role {self.takes}.", remedy="Ask the owner for another key.")
            await response(refused)(scope, receive, send)
            return
        if scope["method"] != "POST":  # No session, so that there is nothing to listen to, and none to end.
            await response(Refused(405, "Only POST is answered here.", headers={"allow": "POST"}))(scope, receive, send)
            return
        manager = await self._when_ready()
        await manager.handle_request(scope, receive, send)
