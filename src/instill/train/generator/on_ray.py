"""A training on nodes of a Ray cluster: `instill train --on ray`, and with `--workers` on several together.

Each node trains in a folder of its own, with the loop that trains here; the first of several sends its log and every
checkpoint. They are kept in the folder of the run, as if it were trained here. So if a node is lost, others go on from
the last checkpoint. On one node of the same kind of processor, the weights are those of a training that was never
stopped, bit for bit; several nodes add up their gradients in another order, so the last digits differ.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import torch

from instill.common.durable_files import write_bytes
from instill.common.ray_cluster import RETRIES, Mistake, RayCluster, attempted
from instill.errors import UsageError, WorkspaceError
from instill.models.generators.model_hash import model_hash
from instill.models.generators.transformers_models import open_tokenizer
from instill.train.generator.loop import processes
from instill.train.generator.recipes.base import base_folder
from instill.train.generator.run import CANDIDATE, IDENTITY, LOG, Fitted, Prepared, check_run, fit
from instill.train.progress import CHECKPOINT, TrainingStep

_WAIT_S = 1.0
_OF_A_RUN = (IDENTITY, LOG, CHECKPOINT)
_HERE_ONLY = ("preference", "reward")

Files = Mapping[str, bytes]
"""Contents, by their paths in a folder."""


@dataclass(frozen=True, slots=True)
class Team:
    """The processes that train together, and which of them this is.

    Args:
        rank: from 0; the first one tells how far they are, and keeps checkpoints and weights.
        count: of all, 1 or more.
        address, port: where they meet: of the first one's node.
    """

    rank: int
    count: int
    address: str
    port: int

    def as_environment(self) -> dict[str, str]:
        """What `torch.distributed` and the training loop read."""
        return {
            "RANK": str(self.rank),
            "LOCAL_RANK": "0",  # Ray shows each process the GPU that is its own.
            "WORLD_SIZE": str(self.count),
            "MASTER_ADDR": self.address,
            "MASTER_PORT": str(self.port),
        }


@dataclass(frozen=True, slots=True)
class Work:
    """What a node is given.

    Args:
        prepared: see `for_a_node`.
        run: files of the run so far: none, or those that another node left.
        parent: files of the candidate that is trained on.
        team: None: it trains alone.
    """

    prepared: Prepared
    run: Files
    parent: Files
    team: Team | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Files of the run, as they are now."""

    files: Files


@dataclass(frozen=True, slots=True)
class Ended:
    """The training is done; `weights` are the files of the candidate, none where another process has them."""

    fitted: Fitted
    weights: Files


Message = TrainingStep | Kept | Ended | Mistake


def fit_on(
    address: str,
    prepared: Prepared,
    run: Path,
    *,
    workers: int = 1,
    progress: Callable[[TrainingStep], None] | None = None,
) -> Fitted:
    """As `instill.train.generator.run.fit`, on nodes of a cluster.

    A node needs Instill, and the base of the recipe: one that comes with Instill or that it has got, or a folder at the
    same path. A training takes all cores of the largest node, and a GPU if the cluster has any.

    Args:
        address: "ray", or "ray://HOST:PORT".
        workers: processes that train together, on as many nodes as there are.

    Raises:
        MissingDependency: Ray is not installed.
        UsageError: there is no cluster at the address, or it has fewer cores than workers are asked for; the objective
            is one that trains on this machine only; or pre-flight finds mistakes that would waste the run.
        WorkspaceError: the folder holds another run; a node has another base; or nodes are lost again and again.
    """
    if prepared.recipe.objective in _HERE_ONLY:
        raise UsageError(
            f'objective = "{prepared.recipe.objective}" trains on this machine only.', remedy="Leave out --on."
        )
    if processes.count() > 1:
        raise UsageError("A training on a cluster is started by one process.", remedy="Start it without a launcher.")
    run.mkdir(parents=True, exist_ok=True)
    check_run(run, prepared.identity)
    with RayCluster(address) as cluster:
        for _ in range(1 + RETRIES):
            try:
                return _followed(cluster, prepared, run, workers, progress or (lambda _: None))
            except cluster.lost as error:
                lost = error
    raise WorkspaceError(
        f"The nodes that trained were lost {1 + RETRIES} times: {type(lost).__name__}.",
        where=f"--on {address}",
        remedy="Run the command again when the cluster is up: it goes on from the last checkpoint.",
    ) from lost


def _followed(
    cluster: RayCluster, prepared: Prepared, run: Path, workers: int, progress: Callable[[TrainingStep], None]
) -> Fitted:
    """Start it on its nodes, and keep what the first one sends until it is done."""
    files = {name: (run / name).read_bytes() for name in _OF_A_RUN if (run / name).is_file()}
    work = Work(for_a_node(prepared), files, _contents(prepared.parent) if prepared.parent else {})
    with cluster.actors(NodeTraining, workers) as nodes:
        teams: list[Team | None] = [None]
        if workers > 1:
            address, port = cluster.ray.get(nodes[0].meeting_place.remote())
            teams = [Team(rank, workers, address, port) for rank in range(workers)]
        started = [node.start.remote(replace(work, team=team)) for node, team in zip(nodes, teams, strict=True)]
        cluster.ray.get(started)
        while True:
            for message in _heard(cluster, nodes):
                if isinstance(message, TrainingStep):
                    progress(message)
                elif isinstance(message, Kept):
                    write_files(run, message.files)
                elif isinstance(message, Mistake):
                    raise message.error
                elif message.weights:
                    write_files(run / CANDIDATE, message.weights)
                    return replace(message.fitted, folder=run / CANDIDATE)


def _heard(cluster: RayCluster, nodes: Sequence[Any]) -> list[Message]:
    """What all have told since the last time. A lost node is noticed before what the others say about it."""
    told = [cluster.ray.get(node.poll.remote(0.0 if number else _WAIT_S)) for number, node in enumerate(nodes)]
    return [message for each in told for message in each]


def for_a_node(prepared: Prepared) -> Prepared:
    """Without what only this process has."""
    return replace(prepared, tokenizer=None)


def on_this_node(prepared: Prepared, parent: Path | None = None) -> Prepared:
    """What `for_a_node` made, with this node's copy of the base.

    Raises:
        UsageError, WorkspaceError: this node has no such base, or another one.
    """
    base = base_folder(prepared.recipe)
    found = model_hash(base)
    if found != prepared.base_hash:
        raise WorkspaceError(
            "A node of the cluster has another base than this machine.",
            where=f"{found} instead of {prepared.base_hash}",
            remedy="Put the same model at the same place on every node.",
        )
    return replace(prepared, base=base, tokenizer=open_tokenizer(base), parent=parent)


# -- on a node ---------------------------------------------------------------------------------------------------------


class NodeTraining:
    """A training in a thread of a process on a node, asked from time to time for what is new."""

    def __init__(self) -> None:
        self._messages: SimpleQueue[Message] = SimpleQueue()

    def meeting_place(self) -> tuple[str, int]:
        """Address of this node, and a port that is free on it."""
        import ray

        with socket.socket() as free:
            free.bind(("", 0))
            return str(ray.util.get_node_ip_address()), int(free.getsockname()[1])

    def start(self, work: Work) -> None:
        """Begin; the rest is told by `poll`."""

        def train() -> None:
            try:
                self._messages.put(attempted(lambda: self._train(work)))
            except Exception as error:  # Whoever waits has to hear of it, whatever it is.
                why = f"The training failed on a node: {type(error).__name__}: {error}"
                self._messages.put(Mistake(WorkspaceError, why[:500], "", "Try it without --on, to see more."))

        Thread(target=train, daemon=True).start()

    def poll(self, wait_s: float) -> list[Message]:
        """What has happened since the last call, in order; waits for something at most so long (seconds)."""
        found: list[Message] = []
        try:
            found.append(self._messages.get(timeout=wait_s))
            while True:
                found.append(self._messages.get_nowait())
        except Empty:
            return found

    def _train(self, work: Work) -> Ended:
        if work.team:
            os.environ.update(work.team.as_environment())
            if not torch.cuda.is_available():
                os.environ["ACCELERATE_USE_CPU"] = "true"
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            write_files(run, work.run)
            parent = Path(folder) / work.prepared.parent.name if work.prepared.parent else None
            if parent:
                write_files(parent, work.parent)
            sent = _time_of(run / CHECKPOINT)

            def progress(step: TrainingStep) -> None:
                nonlocal sent
                self._messages.put(step)
                if _time_of(run / CHECKPOINT) != sent:
                    sent = _time_of(run / CHECKPOINT)
                    self._messages.put(_kept(run))

            fitted = fit(on_this_node(work.prepared, parent), run, caches=Path(folder) / "frozen", progress=progress)
            if not processes.is_first():
                return Ended(replace(fitted, folder=Path()), {})
            self._messages.put(_kept(run))
            return Ended(replace(fitted, folder=Path()), _contents(run / CANDIDATE))


def _kept(run: Path) -> Kept:
    return Kept({name: (run / name).read_bytes() for name in _OF_A_RUN if (run / name).is_file()})


def _time_of(file: Path) -> int:
    """When the file was put there, in nanoseconds; 0 while there is none."""
    return file.stat().st_mtime_ns if file.is_file() else 0


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }


def write_files(folder: Path, files: Files) -> None:
    """Put files into a folder.

    Raises:
        WorkspaceError: one would lie outside of it.
    """
    for name, content in files.items():
        file = folder / name
        if not file.resolve().is_relative_to(folder.resolve()):
            raise WorkspaceError("A node sent a file that lies outside of its folder.", where=name)
        write_bytes(file, content)
