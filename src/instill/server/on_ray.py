"""The service from several processes on a Ray cluster: `instill serve --on ray --replicas 3`.

Ray Serve takes the requests, on every node, and gives each to one replica. A replica is the whole service over the same
workspace, which several servers may use at a time: each sees a commit with its next request, and a job is done once. So
replicas come and go without a pause; one that is ended first finishes what it is answering.
"""

from __future__ import annotations

import logging
import re
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from instill.common.extras import needed
from instill.common.ray_cluster import RayCluster, undone
from instill.errors import UsageError
from instill.server.app import create_app
from instill.server.listening import DRAIN_S, need_of_a_key
from instill.server.service import Service

NAME = "instill"
"""Of the application in the cluster."""

_ONGOING = 64
"""Requests that a replica takes at a time; how many of them it answers at once, its settings say."""

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
) -> None:
    """Serve the workspace in `folder` on a cluster until SIGTERM or Ctrl-C.

    Every node reaches `folder` at the same path; its table and its catalog are where several machines can write (a
    bucket and PostgreSQL), or all nodes are on this machine. Callers need keys, also on this machine: a replica does
    not see from where a request comes.

    Args:
        address: "ray", or "ray://HOST:PORT".
        host, port: where each node listens; otherwise as they are set.
        on_ready: called with the address once all replicas answer.

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
    host, port = host or chosen.host, chosen.port if port is None else port
    with RayCluster(address) as cluster:
        serve = needed("ray.serve", "Serving on a cluster needs Ray Serve.")
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
        serve.delete(NAME)
        serve.shutdown()


def deploy(serve: Any, folder: Path, replicas: Replicas) -> None:
    """Start the replicas, or change how many there are; returns when the fewest answer.

    Args:
        serve: the module `ray.serve`.
    """

    def application() -> FastAPI:
        return create_app(folder, loopback=False)

    service = serve.deployment(serve.ingress(application)()).options(
        name=NAME,
        **_number(replicas),
        max_ongoing_requests=_ONGOING,
        graceful_shutdown_timeout_s=DRAIN_S,
        ray_actor_options={"num_cpus": 1},
    )
    serve.run(service.bind(), name=NAME, route_prefix="/")


def _number(replicas: Replicas) -> dict[str, Any]:
    if replicas.fewest == replicas.most:
        return {"num_replicas": replicas.most}
    asked = {"min_replicas": replicas.fewest, "max_replicas": replicas.most, "target_ongoing_requests": _BUSY}
    return {"autoscaling_config": asked}
