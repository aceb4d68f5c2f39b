"""A Ray cluster: finding it, leaving it, and giving it functions and objects to call."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from instill.common.extras import needed
from instill.errors import InstillError, UsageError, WorkspaceError

T = TypeVar("T")

LOCAL = "ray"
"""Instead of an address: the cluster that RAY_ADDRESS names or that runs here, or else one of this machine's cores."""

RETRIES = 5
"""How often a task is done again whose node or process was lost."""

_PORT = 10001
_CONNECT_S = 10.0


@dataclass(frozen=True, slots=True)
class Mistake:
    """An error of ours that a task found; it does not survive being sent as an exception."""

    kind: type[InstillError]
    what: str
    where: str
    remedy: str

    @property
    def error(self) -> InstillError:
        """The error, to be raised here."""
        return self.kind(self.what, where=self.where, remedy=self.remedy)


def attempted(work: Callable[[], T]) -> T | Mistake:
    """What the work gives, or its mistake; for the end of a task.

    Example:
        >>> attempted(lambda: 7)
        7
    """
    try:
        return work()
    except InstillError as error:
        return Mistake(type(error), error.what, error.where, error.command)


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

    @property
    def cores_of_a_node(self) -> int:
        """Of the largest node; 1 or more."""
        nodes = (each["Resources"] for each in self.ray.nodes() if each["Alive"])
        return max([1, *(int(each.get("CPU", 0)) for each in nodes)])

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        """What Ray raises when the process or the node that did the work is gone."""
        raised = self.ray.exceptions
        return raised.RayActorError, raised.WorkerCrashedError, raised.NodeDiedError, raised.ObjectLostError

    def actor(self, kind: type[Any], *, cores: int) -> Any:
        """An object of this class in a process of its own on a node, with so many cores and, where the cluster has any,
        a GPU. It is not made again when its node is lost."""
        gpus = int(self.ray.cluster_resources().get("GPU", 0) >= 1)
        return self.ray.remote(kind).options(num_cpus=cores, num_gpus=gpus, max_restarts=0).remote()

    def result(self, future: Future[T | Mistake]) -> T:
        """What a submitted task gave.

        Raises:
            InstillError: the task's mistake.
            WorkspaceError: the cluster lost it, or it failed for another reason.
        """
        try:
            found = future.result()
        except self.ray.exceptions.RayError as error:
            raise undone(error) from error
        if isinstance(found, Mistake):
            raise found.error
        return found

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


def undone(error: Exception) -> WorkspaceError:
    """Ray's error in words."""
    why = " ".join(str(error).split())[:300]
    return WorkspaceError(
        f"The cluster did not do its work ({type(error).__name__}): {why}.",
        remedy="What was committed is kept. Run the command again when the cluster is up; it goes on.",
    )


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
