"""The service from several processes on a Ray cluster: `instill serve --on ray --replicas 3`.

Ray Serve takes the requests, on every node, and gives each to one replica. A replica is the whole service over the same
workspace, which several servers may use at a time: each sees a commit with its next request, and a job is done once. So
replicas come and go without a pause; one that is ended first finishes what it is answering.

Between the two stands a front on every node (`asking_again.py`): if a replica is lost with its node, the front gives
its requests to another one. Only who is connected to the lost node itself has to connect again.
"""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import threading
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Scope
from uvicorn.lifespan.on import LifespanOn

from instill.common.extras import needed
from instill.common.ray_cluster import RayCluster, lost_errors, undone
from instill.errors import UsageError
from instill.server.access.body_limits import Limits
from instill.server.app import create_app, most_bytes
from instill.server.asking_again import AsksAgain
from instill.server.listening import DRAIN_S, need_of_a_key
from instill.server.served_workspace import service_settings
from instill.server.service import Service

NAME = "instill"
"""Of the application in the cluster."""

_ONGOING = 64
"""Requests that a replica takes at a time; how many of them it answers at once, its settings say."""

_SENT = ("type", "asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path", "headers",
         "client", "server")  # fmt: skip
"""Of a request, what goes to the replica beside its body."""

_BUSY = 4
"""Requests for each replica above which another one is started, where their number may change."""


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many processes answer: between `fewest` and `most`, as many as there is work for."""

    fewest: int
    most: int

    @classmethod
    def read(cls, text: str) -> Replicas:
        """From "3", or "1-4".

        Raises:
            UsageError: it is neither.

        Example:
            >>> Replicas.read("3"), Replicas.read("1-4")
            (Replicas(fewest=3, most=3), Replicas(fewest=1, most=4))
        """
        found = re.fullmatch(r"\s*(\d{1,4})\s*(?:-\s*(\d{1,4})\s*)?", text)
        fewest, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= fewest <= most:
            raise UsageError(
                "This is not a number of processes.", where=f"--replicas {text}", remedy="Write 3, or 1-4."
            )
        return cls(fewest, most)


def serve_on(
    address: str,
    folder: Path,
    *,
    replicas: Replicas,
    host: str | None = None,
    port: int | None = None,
    on_ready: Callable[[str], None],
    on_end: Callable[[str], None] = lambda _said: None,
) -> None:
    """Serve the workspace in `folder` on a cluster until SIGTERM or Ctrl-C.

    Every node reaches `folder` at the same path; its table and its catalog are where several machines can write (a
    bucket and PostgreSQL), or all nodes are on this machine. Callers need keys, also on this machine: a replica does
    not see from where a request comes.

    Args:
        address: "ray", or "ray://HOST:PORT".
        host, port: where each node listens; otherwise as they are set.
        on_ready: called with the address once all replicas answer.
        on_end: called with a line for people when it is told to end.

    Raises:
        MissingDependency: Ray Serve is not installed.
        UsageError: there is no key, or no cluster at the address.
        WorkspaceError: the replicas do not start.
    """
    service = Service(folder, loopback=False)
    chosen, any_key = service.settings.server, service.keys.any()
    service.close()
    if not any_key:
        raise need_of_a_key(f"--on {address}")
    serve = needed("ray.serve", "Serving on a cluster needs Ray Serve.")  # before a cluster is started
    host, port = host or chosen.host, chosen.port if port is None else port
    with RayCluster(address) as cluster:
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        try:
            serve.start(proxy_location="EveryNode", http_options={"host": host, "port": port})
            deploy(serve, folder, replicas)
        except (cluster.ray.exceptions.RayError, RuntimeError) as error:
            raise undone(error) from error
        ended = threading.Event()
        for each in (signal.SIGTERM, signal.SIGINT):  # After Ray, which has handlers of its own.
            signal.signal(each, lambda *_: ended.set())
        on_ready(f"http://{host}:{port}")
        ended.wait()
        on_end(f"Stopping: requests that have begun are answered first, for at most {DRAIN_S} s.")
        serve.delete(NAME)
        serve.shutdown()


def deploy(serve: Any, folder: Path, replicas: Replicas) -> None:
    """Start the replicas, or change how many there are; returns when the fewest answer.

    Args:
        serve: the module `ray.serve`.
    """

    answering = serve.deployment(Replica).options(
        name=f"{NAME}-replica",
        **_number(replicas),
        max_ongoing_requests=_ONGOING,
        graceful_shutdown_timeout_s=DRAIN_S,
        ray_actor_options={"num_cpus": 1},
    )
    ray = needed("ray", "Serving on a cluster needs Ray.")

    def front() -> ASGIApp:
        return front_of(serve.get_deployment_handle(f"{NAME}-replica", NAME), folder)

    fronts = serve.deployment(serve.ingress(front)()).options(
        name=NAME,
        num_replicas=sum(node["Alive"] for node in ray.nodes()),
        max_replicas_per_node=1,
        max_ongoing_requests=_ONGOING * replicas.most,
        graceful_shutdown_timeout_s=DRAIN_S,
        ray_actor_options={"num_cpus": 0},
    )
    serve.run(fronts.bind(answering.bind(folder)), name=NAME, route_prefix="/")


def front_of(replicas: Any, folder: Path) -> ASGIApp:
    """What takes the requests on a node.

    Args:
        replicas: the handle of the deployment whose replicas answer.
    """
    ray = needed("ray", "Serving on a cluster needs Ray.")
    exceptions = needed("ray.serve.exceptions", "Serving on a cluster needs Ray Serve.")
    limits = service_settings(folder).server

    async def answered(scope: Scope, body: bytes) -> AsyncGenerator[Message, None]:
        messages = replicas.options(stream=True).answer.remote({key: scope[key] for key in _SENT if key in scope}, body)
        try:
            async for message in messages:
                yield message
        finally:
            messages.cancel()

    lost = (*lost_errors(ray), exceptions.ReplicaUnavailableError)
    return Limits(AsksAgain(answered, lost), most=partial(most_bytes, limits), seconds=limits.body_timeout_s)


class Replica:
    """The whole service, in a process of the cluster."""

    async def __init__(self, folder: Path) -> None:  # type: ignore[misc]  # Ray Serve awaits it.
        self._app = create_app(folder, loopback=False)
        self._lifespan = LifespanOn(uvicorn.Config(self._app, lifespan="on"))
        await self._lifespan.startup()
        if self._lifespan.should_exit:
            raise RuntimeError("The service did not start.")
        self._working: set[asyncio.Task[None]] = set()

    async def answer(self, scope: dict[str, Any], body: bytes) -> AsyncGenerator[Message, None]:
        """The messages of the answer, as they come. Whoever closes this has left.

        Args:
            scope: of ASGI, as far as it can be sent.
        """
        messages: asyncio.Queue[Message | None] = asyncio.Queue()
        left = asyncio.Event()
        parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if parts:
                return parts.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        async def work() -> None:
            try:
                await self._app({**scope, "state": {}}, receive, messages.put)
            finally:
                messages.put_nowait(None)

        working = asyncio.create_task(work())
        self._working.add(working)  # Otherwise nothing holds it when nobody waits for the answer any more.
        working.add_done_callback(self._working.discard)
        try:
            while (message := await messages.get()) is not None:
                yield message
            await working
        finally:
            left.set()

    async def __del__(self) -> None:  # Ray Serve awaits it when the replica ends.
        await self._lifespan.shutdown()


def _number(replicas: Replicas) -> dict[str, Any]:
    if replicas.fewest == replicas.most:
        return {"num_replicas": replicas.most}
    asked = {"min_replicas": replicas.fewest, "max_replicas": replicas.most, "target_ongoing_requests": _BUSY}
    return {"autoscaling_config": asked}
