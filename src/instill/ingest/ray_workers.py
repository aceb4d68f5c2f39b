"""Reading and encoding on the nodes of a Ray cluster: `instill add --on ray`.

The process that runs the command decides what is to be done, and commits; it is the only one that writes. So a lost
node costs time and nothing else: Ray does its tasks again elsewhere, and a document is committed once. Results are
taken in the order of the sources, so passages are those of a run without Ray, and with the encoder that comes with
Instill the vectors too, bit for bit: they do not depend on what else is encoded at the same time.

Back-pressure: no more documents and batches are under way than the cluster has work for. Every node needs Instill, of
the same version, and the encoder that the workspace names; a node with another one is found out before its vectors are
used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from instill.common.ray_cluster import Mistake, RayCluster, attempted, connected, quiet_forks, undone
from instill.documents.plugged import Formats
from instill.documents.reader_process import ReaderPool
from instill.errors import WorkspaceError
from instill.ingest.passages import BATCH_PASSAGES, vectors_of
from instill.ingest.workers import Cut, Reading, read_and_cut
from instill.models.encoders import open_encoder
from instill.models.encoders.estimated import DocumentVectors
from instill.models.encoders.protocol import Encoder
from instill.settings import DocumentSettings, EncoderSettings

_AHEAD = 3
"""Documents under way for each core: one is read, and others wait, so that no core waits for them."""

TASK_PASSAGES = 64
"""Passages that a task encodes, or one document's where it has more: about half a second of work."""

T = TypeVar("T")


class Setup(BaseModel):
    """What a node needs to know to do the same as this process would.

    Args:
        fingerprint: of the encoder that the index was made with.
        off: plug-ins that are turned off, as in `plugins.off`.
    """

    model_config = ConfigDict(frozen=True)

    documents: DocumentSettings
    encoder: EncoderSettings
    fingerprint: str
    off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task(Generic[T]):
    """A task of the cluster, as `instill.ingest.workers.Pending`."""

    ray: Any
    reference: Any

    def result(self) -> T:
        with connected():
            try:
                found: T | Mistake = self.ray.get(self.reference)
            except self.ray.exceptions.RayError as error:
                raise undone(error) from error
        if isinstance(found, Mistake):
            raise found.error
        return found


@dataclass(frozen=True, slots=True)
class Tasks(Generic[T]):
    """Several tasks whose lists make one."""

    parts: Sequence[Task[list[T]]]

    def result(self) -> list[T]:
        return [each for part in self.parts for each in part.result()]


class RayWorkers:
    """The nodes of a cluster as `instill.ingest.workers.Workers`.

    Args:
        address: "ray", or "ray://HOST:PORT".

    Raises:
        MissingDependency: Ray is not installed.
        UsageError: there is no cluster at the address.
    """

    def __init__(self, address: str, setup: Setup) -> None:
        self._cluster = RayCluster(address)
        self._ray, cores = self._cluster.ray, self._cluster.cores
        self._ahead = _AHEAD * cores
        self._batches = 1 + cores * TASK_PASSAGES // BATCH_PASSAGES
        self._setup = setup.model_dump_json()
        self._read = self._cluster.task(_read)
        self._encode = self._cluster.task(_encode)

    @property
    def documents_ahead(self) -> int:
        return self._ahead

    @property
    def batches_ahead(self) -> int:
        return self._batches

    def read(self, reading: Reading) -> Task[Cut]:
        with connected():
            return Task(self._ray, self._read.remote(self._setup, reading))

    def encode(self, batch: Sequence[Sequence[str]]) -> Tasks[DocumentVectors]:
        with connected():
            return Tasks([Task(self._ray, self._encode.remote(self._setup, part)) for part in parts_of(batch)])

    def close(self) -> None:
        """Leave the cluster; one that was started for this run ends."""
        self._cluster.shutdown()


def parts_of(batch: Sequence[Sequence[str]]) -> list[list[list[str]]]:
    """The documents of a batch, in order, in parts of at most `TASK_PASSAGES` passages, or of one document.

    Example:
        >>> [[len(texts) for texts in part] for part in parts_of([["a"] * 40, ["b"] * 20, ["c"] * 70, ["d"]])]
        [[40, 20], [70], [1]]
    """
    parts: list[list[list[str]]] = []
    room = 0
    for texts in batch:
        if not parts or len(texts) > room:
            parts.append([])
            room = TASK_PASSAGES
        parts[-1].append(list(texts))
        room -= len(texts)
    return parts


# -- on a node ---------------------------------------------------------------------------------------------------------


class _Node:
    """What a process of a node keeps from task to task."""

    def __init__(self, setup: Setup) -> None:
        quiet_forks()
        self.documents = setup.documents
        self._setup = setup

    @cached_property
    def readers(self) -> ReaderPool:
        return ReaderPool(self.documents, formats=Formats(self._setup.off))

    @cached_property
    def encoder(self) -> Encoder:
        """With one thread, since a task has one core."""
        setup = self._setup
        encoder = open_encoder(setup.encoder.model_copy(update={"threads": 1}), off=setup.off)
        if encoder.fingerprint != setup.fingerprint:
            raise WorkspaceError(
                "A node of the cluster has another encoder than the workspace.",
                where=f"{encoder.fingerprint} instead of {setup.fingerprint}",
                remedy="Install the same Instill and the same encoder files on every node.",
            )
        return encoder


@lru_cache(maxsize=2)
def _node(setup: str) -> _Node:
    return _Node(Setup.model_validate_json(setup))


def _read(setup: str, reading: Reading) -> Cut | Mistake:
    node = _node(setup)
    return attempted(lambda: read_and_cut(reading, node.readers, lambda: node.encoder, node.documents))


def _encode(setup: str, batch: Sequence[Sequence[str]]) -> list[DocumentVectors] | Mistake:
    node = _node(setup)
    return attempted(lambda: vectors_of(node.encoder, batch, estimated_from=node.documents.estimated_from))
