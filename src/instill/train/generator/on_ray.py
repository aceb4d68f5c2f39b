"""A training on a node of a Ray cluster: `instill train --on ray`.

The node trains in a folder of its own, with the loop that trains here, and sends its log and every checkpoint. They are
kept in the folder of the run, as if it were trained here. So if the node is lost, another one goes on from the last
checkpoint; and on the same kind of processor, the weights are those of a training that was never stopped, bit for bit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from instill.common.durable_files import write_bytes
from instill.common.ray_cluster import RETRIES, Mistake, RayCluster, attempted
from instill.errors import UsageError, WorkspaceError
from instill.models.generators.transformers_models import model_hash, open_tokenizer
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
class Work:
    """What a node is given.

    Args:
        prepared: see `for_a_node`.
        run: files of the run so far: none, or those that another node left.
        parent: files of the candidate that is trained on.
    """

    prepared: Prepared
    run: Files
    parent: Files


@dataclass(frozen=True, slots=True)
class Kept:
    """Files of the run, as they are now."""

    files: Files


@dataclass(frozen=True, slots=True)
class Ended:
    """The training is done; `weights` are the files of the candidate."""

    fitted: Fitted
    weights: Files


Message = TrainingStep | Kept | Ended | Mistake


def fit_on(
    address: str, prepared: Prepared, run: Path, *, progress: Callable[[TrainingStep], None] | None = None
) -> Fitted:
    """As `instill.train.generator.run.fit`, on a node of a cluster.

    The node needs Instill, and the base of the recipe: one that comes with Instill or that it has got, or a folder at
    the same path. It takes all cores of the largest node, and a GPU if the cluster has any.

    Args:
        address: "ray", or "ray://HOST:PORT".

    Raises:
        MissingDependency: Ray is not installed.
        UsageError: there is no cluster at the address; the objective is one that trains on this machine only; or
            pre-flight finds mistakes that would waste the run.
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
                return _followed(cluster, prepared, run, progress or (lambda _: None))
            except cluster.lost as error:
                lost = error
    raise WorkspaceError(
        f"The nodes that trained were lost {1 + RETRIES} times: {type(lost).__name__}.",
        where=f"--on {address}",
        remedy="Run the command again when the cluster is up: it goes on from the last checkpoint.",
    ) from lost


def _followed(cluster: RayCluster, prepared: Prepared, run: Path, progress: Callable[[TrainingStep], None]) -> Fitted:
    """Start it on a node, and keep what the node sends until it is done."""
    node = cluster.actor(NodeTraining, cores=cluster.cores_of_a_node)
    try:
        files = {name: (run / name).read_bytes() for name in _OF_A_RUN if (run / name).is_file()}
        parent = _contents(prepared.parent) if prepared.parent else {}
        cluster.ray.get(node.start.remote(Work(for_a_node(prepared), files, parent)))
        while True:
            messages: Sequence[Message] = cluster.ray.get(node.poll.remote(_WAIT_S))
            for message in messages:
                if isinstance(message, TrainingStep):
                    progress(message)
                elif isinstance(message, Kept):
                    write_files(run, message.files)
                elif isinstance(message, Ended):
                    write_files(run / CANDIDATE, message.weights)
                    return replace(message.fitted, folder=run / CANDIDATE)
                else:
                    raise message.error
    finally:
        cluster.ray.kill(node)


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
