"""Documents a second on a Ray cluster of 1, 2 and 4 nodes, with an encoder that takes a fixed time and no processor.

    python bench/scale_out.py [--documents 400] [--seconds-a-passage 0.02] [--nodes 1 2 4]

All nodes are processes on this machine. So that two cores can show how the work spreads, a node sleeps instead of
encoding: `--seconds-a-passage` for each passage (the real encoder takes 0.0085 on two cores). Reading, cutting and
commits are real. The first line is one process without Ray, which sleeps as long. Printed: seconds, documents a second,
how many times the first line's rate, and what a document costs besides the sleep, in milliseconds of one node.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ray.cluster_utils import Cluster

from instill.documents.plugged import Formats
from instill.documents.sources import find_sources
from instill.ingest.ray_workers import RayWorkers, Setup, Task, Tasks, parts_of
from instill.ingest.run import Ingest
from instill.ingest.types import Attributes
from instill.ingest.workers import Later, LocalWorkers
from instill.models.encoders.estimated import DocumentVectors
from instill.workspace import Workspace

STORE = 100 * 2**20


def slept(batch: Sequence[Sequence[str]], seconds: float, dimension: int) -> list[DocumentVectors]:
    """Vectors of length 1 that say nothing, after the time that encoding would take."""
    count = sum(map(len, batch))
    time.sleep(seconds * count)
    found = []
    for texts in batch:
        vectors = np.zeros((len(texts), dimension), dtype=np.float32)
        vectors[:, 0] = 1
        found.append(DocumentVectors(vectors, np.ones(len(texts), dtype=np.bool_)))
    return found


class SleepingLocal(LocalWorkers):
    """One process that sleeps instead of encoding."""

    def __init__(self, workspace: Workspace, seconds: float) -> None:
        super().__init__(workspace.settings.documents, lambda: workspace.encoder, Formats())
        self._sleep = (seconds, workspace.encoder.dimension)

    def encode(self, batch: Sequence[Sequence[str]]) -> Later[list[DocumentVectors]]:
        return Later(lambda: slept(batch, *self._sleep))


class SleepingNodes(RayWorkers):
    """Nodes that sleep instead of encoding."""

    def __init__(self, workspace: Workspace, seconds: float) -> None:
        setup = Setup(
            documents=workspace.settings.documents,
            encoder=workspace.settings.encoder,
            fingerprint=workspace.encoder.fingerprint,
        )
        super().__init__("ray", setup)
        self._sleeping = self._cluster.task(slept)
        self._sleep = (seconds, workspace.encoder.dimension)

    def encode(self, batch: Sequence[Sequence[str]]) -> Tasks[DocumentVectors]:
        return Tasks([Task(self._ray, self._sleeping.remote(part, *self._sleep)) for part in parts_of(batch)])


def write(folder: Path, count: int) -> None:
    """Documents of some two passages each."""
    for number in range(count):
        told = " ".join(f"Mill {number} ground {number * year} sacks in the year {1900 + year}." for year in range(35))
        (folder / f"{number:05}.md").write_text(f"# Mill {number}\n\n{told}\n", encoding="utf-8")


def ingested(documents: Path, folder: Path, seconds: float, *, nodes: bool) -> tuple[float, int]:
    """Seconds from the first document to the last commit, once the workers are there; and passages."""
    with Workspace.init(folder) as workspace:
        encoder = workspace.encoder
        workers = SleepingNodes(workspace, seconds) if nodes else SleepingLocal(workspace, seconds)
        try:
            for _ in range(8):  # Processes start with their first work.
                workers.encode([["start"]]).result()
            ingest = Ingest(
                workspace.index, lambda: encoder, encoder.fingerprint, workspace.settings.documents, workers=workers
            )
            begun = time.perf_counter()
            ingest.add(find_sources([str(documents)], base=documents, exclude=[]), Attributes())
            took = time.perf_counter() - begun
            assert not ingest.report.failed
            return took, ingest.report.passages
        finally:
            workers.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--seconds-a-passage", type=float, default=0.02)
    parser.add_argument("--nodes", type=int, nargs="*", default=[1, 2, 4])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "documents").mkdir()
        write(folder / "documents", chosen.documents)
        took, passages = ingested(folder / "documents", folder / "alone", chosen.seconds_a_passage, nodes=False)
        alone = chosen.documents / took
        print(f"{chosen.documents} documents, {passages} passages, {chosen.seconds_a_passage * 1000:g} ms each")
        print("nodes  seconds  documents/s  times  besides the sleep, ms a document")
        _row("none", took, chosen, passages, alone, 1)
        for count in chosen.nodes:
            cluster: Any = Cluster(
                initialize_head=True,
                head_node_args={"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False},
            )
            try:
                os.environ["RAY_ADDRESS"] = cluster.address
                for _ in range(count - 1):
                    cluster.add_node(num_cpus=1, object_store_memory=STORE)
                took, _ = ingested(folder / "documents", folder / str(count), chosen.seconds_a_passage, nodes=True)
            finally:
                cluster.shutdown()
            _row(str(count), took, chosen, passages, alone, count)


def _row(name: str, took: float, chosen: argparse.Namespace, passages: int, alone: float, nodes: int) -> None:
    rate = chosen.documents / took
    besides = (took * nodes - passages * chosen.seconds_a_passage) / chosen.documents * 1000
    print(f"{name:>5}  {took:7.1f}  {rate:11.1f}  {rate / alone:5.2f}  {besides:.1f}", flush=True)


if __name__ == "__main__":
    main()
