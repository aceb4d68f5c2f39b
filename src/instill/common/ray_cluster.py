"""A Ray cluster: finding it, leaving it, and giving it functions and objects to call."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from instill.common.extras import needed
from instill.common.plurals import counted
from instill.common.quiet_loggers import quiet
from instill.errors import InstillError, UsageError, WorkspaceError

T = TypeVar("T")

LOCAL = "ray"
"""Instead of an address: the cluster that RAY_ADDRESS names or that runs here, or else one of this machine's cores."""

RETRIES = 5
"""How often a task is done again whose node or process was lost."""

_PORT = 10001
_CONNECT_S, _PLACED_S = 10.0, 10.0


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
        quiet_forks()
        quiet("ray.util.client")  # a connection that breaks is told by the error
        self._joined = not self.ray.is_initialized()
        if self._joined:
            _join(self.ray, address)

    @property
    def cores(self) -> int:
        """Of all nodes; 1 or more."""
        return max(1, int(self.ray.cluster_resources().get("CPU", 1)))

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        """What Ray raises when the process or the node that did the work is gone."""
        return lost_errors(self.ray)

    @contextmanager
    def actors(self, kind: type[Any], count: int = 1) -> Iterator[list[Any]]:
        """Objects of this class, each in a process of its own, spread over the nodes; they end with the block.

        Each has as many cores as all can have, and a GPU where there is one for each. One that is lost with its node is
        not made again.

        Args:
            count: of objects, 1 or more.

        Raises:
            UsageError: the cluster has fewer cores.
        """
        group, options = self._placed(count)
        made = []
        try:
            for place in range(count):
                where = self.ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy(group, place)
                chosen = self.ray.remote(kind).options(**options, max_restarts=0, scheduling_strategy=where)
                made.append(chosen.remote())
            yield made
        finally:
            with suppress(ConnectionError):  # which the block has met too
                for each in made:
                    self.ray.kill(each)
                self.ray.util.remove_placement_group(group)

    def _placed(self, count: int) -> tuple[Any, dict[str, int]]:
        """Room for `count` processes, and what each has of it.

        Waits while other work fills the cluster. A node that was just lost is counted for some seconds yet, so what the
        nodes are is asked again and again.
        """
        while True:
            nodes = [each["Resources"] for each in self.ray.nodes() if each["Alive"]]
            cores = _cores_each([int(each.get("CPU", 0)) for each in nodes], count)
            gpus = int(sum(int(each.get("GPU", 0)) for each in nodes) >= count)
            if not cores:
                raise UsageError(
                    f"The cluster has {counted(self.cores, 'core')} for {count} processes.",
                    remedy=f"Ask for {self.cores} at most.",
                )
            room = {"CPU": cores, "GPU": gpus} if gpus else {"CPU": cores}
            group = self.ray.util.placement_group([room] * count, strategy="SPREAD")
            if group.wait(timeout_seconds=_PLACED_S):
                return group, {"num_cpus": cores, "num_gpus": gpus}
            self.ray.util.remove_placement_group(group)

    def result(self, future: Future[T | Mistake]) -> T:
        """What a submitted task gave.

        Raises:
            InstillError: the task's mistake.
            WorkspaceError: the cluster lost it, or it failed for another reason.
        """
        with connected():
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
            with suppress(Exception):  # There is nothing to leave where the connection is lost.
                self.ray.shutdown()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        with connected():
            try:
                if error is not None:
                    raise error
            finally:
                self.shutdown()


def _cores_each(nodes: Sequence[int], count: int) -> int:
    """The most cores that each of `count` processes can have on nodes with so many; 0: there are too few.

    Example:
        >>> _cores_each([8, 4, 4], 1), _cores_each([8, 4, 4], 4), _cores_each([2], 3)
        (8, 4, 0)
    """
    return max(
        (cores for cores in range(1, max([0, *nodes]) + 1) if sum(n // cores for n in nodes) >= count), default=0
    )


def lost_errors(ray: Any) -> tuple[type[Exception], ...]:
    """What the module `ray` raises when the process or the node that did the work is gone."""
    raised = ray.exceptions
    return raised.RayActorError, raised.WorkerCrashedError, raised.NodeDiedError, raised.ObjectLostError


@contextmanager
def connected() -> Iterator[None]:
    """While this process speaks with the cluster: a connection that is lost is told in our words.

    Raises:
        WorkspaceError: the head is gone, or does not answer any more.
    """
    try:
        yield
    except InstillError:
        raise
    except Exception as error:
        if not _is_cut_off(error):
            raise
        raise WorkspaceError(
            "The connection to the cluster's head was lost, so the rest of the work was not done.",
            where="--on",
            remedy="Run the same command again when the cluster is up. Nothing is lost: what was done is kept, and it "
            "goes on.",
        ) from error


def _is_cut_off(error: Exception) -> bool:
    """Ray's client raises errors of Python, of gRPC and plain ones when its head is gone.

    Example:
        >>> _is_cut_off(ConnectionError("the Ray client has already been disconnected")), _is_cut_off(ValueError("x"))
        (True, False)
    """
    return (
        isinstance(error, ConnectionError)
        or type(error).__module__.partition(".")[0] == "grpc"
        or "Ray Client is not connected" in str(error)
    )


def quiet_forks() -> None:
    """Ray starts its processes by forking, and LanceDB, which no fork of them uses, warns in each."""
    warnings.filterwarnings("ignore", message="lancedb fork support", category=RuntimeWarning)


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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # which the error says too
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
