"""A Ray cluster: finding it, leaving it, and giving it functions to call."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar
from urllib.parse import urlsplit

from instill.common.extras import needed
from instill.errors import UsageError

T = TypeVar("T")

LOCAL = "ray"
"""Instead of an address: the cluster that RAY_ADDRESS names or that runs here, or else one of this machine's cores."""

RETRIES = 5
"""How often a task is done again whose node or process was lost."""

_PORT = 10001
_CONNECT_S = 10.0


class RayCluster(Executor):
    """A cluster that this process has joined. `submit` has the meaning of `concurrent.futures`; a task has one core.

    Args:
        address: "ray", or "ray://HOST:PORT".

    Raises:
        MissingDependency: Ray is not installed.
        UsageError: there is no cluster at the address.
    """

    def __init__(self, address: str) -> None:
        self.ray = needed("ray", "Working on a cluster needs Ray.")
        self._joined = not self.ray.is_initialized()
        if self._joined:
            _join(self.ray, address)

    @property
    def cores(self) -> int:
        """Of all nodes; 1 or more."""
        return max(1, int(self.ray.cluster_resources().get("CPU", 1)))

    def task(self, function: Callable[..., Any]) -> Any:
        """The function as a task of one core, called by `.remote(...)`; done again elsewhere if its node is lost."""
        return self.ray.remote(function).options(num_cpus=1, max_retries=RETRIES)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        found: Future[T] = self.task(fn).remote(*args, **kwargs).future()
        return found

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Leave the cluster; its tasks of this process end, and so does a cluster that was started for it."""
        if self._joined:
            self._joined = False
            self.ray.shutdown()


def _join(ray: Any, address: str) -> None:
    if address != LOCAL and not address.startswith("ray://"):
        raise UsageError(
            "This is not a cluster.", where=f"--on {address}", remedy='Write "--on ray", or "--on ray://HOST:10001".'
        )
    if address != LOCAL:
        _reached(address)
    try:
        ray.init(
            address=None if address == LOCAL else address,
            configure_logging=False,
            log_to_driver=False,
            include_dashboard=False,
        )
    except Exception as error:  # Ray raises whatever its libraries do.
        raise _no_cluster(address, error) from error


def _reached(address: str) -> None:
    """Ray itself would wait for half a minute, and say less."""
    try:
        parts = urlsplit(address)
        with socket.create_connection((parts.hostname or "", parts.port or _PORT), timeout=_CONNECT_S):
            pass
    except (OSError, ValueError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: Exception) -> UsageError:
    why = " ".join(str(error).split())[:200] or type(error).__name__
    return UsageError(
        f"No Ray cluster answers here: {why}.",
        where=f"--on {address}",
        remedy="Look at it on its head node with: ray status",
    )
