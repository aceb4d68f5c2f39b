"""A Ray cluster of several node processes on this machine: what it does is what one process does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instill.errors import DocumentError, UsageError, WorkspaceError
from instill.ingest.types import IngestReport, Progress
from instill.settings import DocumentSettings, EncoderSettings
from instill.workspace import Workspace

ray = pytest.importorskip("ray", reason="needs the extra [ray]")

PAGES = 40
STORE = 100 * 2**20  # bytes of shared memory of a node


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head with one core; tests add nodes."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        head = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
        made = Cluster(initialize_head=True, head_node_args=head)
        patch.setenv("RAY_ADDRESS", made.address)
        yield made
        ray.shutdown()
        made.shutdown()


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of several passages, and two files that cannot be read."""
    folder = tmp_path_factory.mktemp("documents")
    for number in range(PAGES):
        told = " ".join(f"Mill {number} ground {number * year} sacks in the year {1900 + year}." for year in range(60))
        (folder / f"{number:02}.md").write_text(f"# Mill {number}\n\n{told}\n", encoding="utf-8")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    (folder / "empty.md").touch()
    return folder


@pytest.fixture(scope="module")
def alone(documents: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[IngestReport, dict[Any, Any]]:
    """What one process makes of the documents."""
    with Workspace.init(tmp_path_factory.mktemp("alone")) as workspace:
        return workspace.add(documents), rows(workspace)


def rows(workspace: Workspace) -> dict[Any, Any]:
    """Text and vector of every passage, by document and place; each is there once."""
    found: dict[Any, Any] = {}
    for record in workspace.documents():
        hits = workspace.index.passages_of(record.doc_id)
        assert len(hits) == record.passage_count
        for hit in hits:
            key = (record.doc_id, record.source, record.content_hash, hit.start, hit.end)
            assert key not in found
            found[key] = hit.text
    table = workspace.index.tables.snapshot().to_arrow().select(["doc_id", "start", "vector"]).to_pylist()
    vectors = {(row["doc_id"], row["start"]): np.asarray(row["vector"], dtype=np.float32) for row in table}
    assert len(vectors) == len(table) == len(found)
    return {key: (text, vectors[key[0], key[3]].tobytes()) for key, text in found.items()}


def test_the_index_is_that_of_one_process_also_when_a_node_is_killed(
    cluster: Any, documents: Path, alone: tuple[IngestReport, dict[Any, Any]], tmp_path: Path
) -> None:
    report, expected = alone
    node = cluster.add_node(num_cpus=1, object_store_memory=STORE)
    killed: list[int] = []

    def kill(now: Progress) -> None:
        if now.done >= PAGES // 2 and not killed:
            killed.append(now.done)
            cluster.remove_node(node, allow_graceful=False)

    with Workspace.init(tmp_path) as workspace:
        found = workspace.add(documents, on="ray", progress=kill)
        assert killed
        assert rows(workspace) == expected
        assert (sorted(found.added), found.passages) == (sorted(report.added), report.passages)
        assert [(each.source, each.what, each.remedy) for each in found.failed] == [
            (each.source, each.what, each.remedy) for each in report.failed
        ]
        assert not ray.is_initialized()
        again = workspace.sync(on="ray")
        assert (again.unchanged, again.added, again.changed) == (PAGES, [], [])


def test_a_node_with_another_encoder_is_found_out(cluster: Any) -> None:
    from instill.ingest.ray_workers import RayWorkers, Setup
    from instill.ingest.workers import Reading

    workers = RayWorkers("ray", Setup(documents=DocumentSettings(), encoder=EncoderSettings(), fingerprint="other"))
    try:
        with pytest.raises(WorkspaceError, match="another encoder than the workspace"):
            workers.encode([["The mill."]]).result()
        with pytest.raises(DocumentError, match="The file is empty"):
            workers.read(Reading(b"", "a.md")).result()
    finally:
        workers.close()


@pytest.mark.parametrize("address", ["spark", "http://127.0.0.1:9", "ray://127.0.0.1:9"])
def test_what_is_no_cluster_is_told_and_nothing_is_added(address: str, documents: Path, tmp_path: Path) -> None:
    with Workspace.init(tmp_path) as workspace:
        with pytest.raises(UsageError, match=r"This is not a cluster|No Ray cluster answers here"):
            workspace.add(documents, on=address)
        assert workspace.documents() == []


def test_tasks_are_futures_and_their_errors_are_raised(cluster: Any) -> None:
    from instill.common.ray_cluster import RayCluster

    with RayCluster("ray") as pool:
        waiting = [pool.submit(json.loads, f"[{number}]") for number in range(4)]
        assert [each.result() for each in waiting] == [[0], [1], [2], [3]]
        with pytest.raises(json.JSONDecodeError):
            pool.submit(json.loads, "{").result()
        assert pool.cores >= 1
    assert not ray.is_initialized()


@pytest.mark.long
def test_a_trial_of_the_laboratory_is_the_same(cluster: Any, tmp_path: Path) -> None:
    from instill.lab.running import Trial, run_trials
    from instill.models.weights import micro_folder

    trial = Trial("replay", "not taught", 0)
    (here,) = run_trials([trial], micro_folder(), tmp_path / "here", workers=1)
    (there,) = run_trials([trial], micro_folder(), tmp_path / "there", on="ray")
    assert there.measures == here.measures
