"""A Ray cluster of several node processes on this machine: what it does is what one process does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instill.errors import DocumentError, UsageError, WorkspaceError
from instill.ingest.types import IngestReport, Progress
from instill.settings import DocumentSettings, EncoderSettings
from instill.workspace import Workspace
from tests.index.s3_server import client, make_bucket, running_s3
from tests.index.stores_needed import needs
from tests.train.pipeline.small_recipes import recipe_of, weights_of, write_task

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
        patch.setenv("OMP_NUM_THREADS", "1")  # With more threads, sums are rounded in another order.
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):  # nodes fetch objects with keys of their own
            patch.setenv(name, "test")
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


@needs("obstore", "s3")
@pytest.mark.long
def test_nodes_fetch_the_objects_of_a_bucket(cluster: Any, documents: Path, tmp_path: Path) -> None:
    import obstore

    with running_s3() as server:
        make_bucket(server, "mills")
        names = ["00.md", "01.md", "02.md", "broken.pdf", "empty.md"]
        for name in names:
            obstore.put(client(server, "mills"), f"docs/{name}", (documents / name).read_bytes())
        address = f"s3://mills/docs?endpoint={server}"
        with Workspace.init(tmp_path / "here") as here, Workspace.init(tmp_path / "there") as there:
            expected, found = here.add(address), there.add(address, on="ray")
            assert (found.added, found.failed, found.passages) == (expected.added, expected.failed, expected.passages)
            assert len(found.added) == 3
            assert rows(there) == rows(here)
            assert there.sync(on="ray").unchanged == 3


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


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("Request can't be sent because the Ray client has already been disconnected."),
        ConnectionResetError("reset"),
        Exception("Ray Client is not connected. Please connect by calling `ray.init`."),
        type("RpcError", (Exception,), {"__module__": "grpc"})("UNAVAILABLE"),
    ],
)
def test_a_head_that_goes_away_is_told_in_a_sentence(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    from instill.common.ray_cluster import RayCluster
    from instill.ingest.ray_workers import Task

    def gone(*_: object) -> None:
        raise error

    monkeypatch.setattr(ray, "get", gone)
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    caught: list[WorkspaceError] = []
    with pytest.raises(WorkspaceError) as found:
        Task(ray, object()).result()
    caught.append(found.value)
    with pytest.raises(WorkspaceError) as found, RayCluster("ray") as joined:
        joined.ray.get(object())
    caught.append(found.value)
    for each in caught:
        assert each.exit_code == 4
        assert each.what == "The connection to the cluster's head was lost, so the rest of the work was not done."
        assert each.command.startswith("Run the same command again when the cluster is up. Nothing is lost")


def test_another_error_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from instill.common.ray_cluster import RayCluster

    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    with pytest.raises(ValueError, match="own"), RayCluster("ray"):
        raise ValueError("own")


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
def test_a_training_whose_node_is_killed_ends_with_the_same_weights(cluster: Any, tmp_path: Path) -> None:
    from instill.common.progress_watch import Watch
    from instill.train.pipeline import train_recipe

    steps = "[training]\nsteps = 420\nbatch_size = 4\nlearning_rate = 0.01\nprecision = 'fp32'\n"
    recipe = recipe_of(write_task(tmp_path / "task"), more=steps)
    here = train_recipe(tmp_path / "here", recipe)
    node = cluster.add_node(num_cpus=2, object_store_memory=STORE)  # The largest node is the one that trains.
    seen: list[int] = []

    def kill(done: int, total: int, _: str) -> None:
        if done > 210 and not any(each > 210 for each in seen):  # The first checkpoint is of step 200.
            cluster.remove_node(node, allow_graceful=False)
        seen.append(done)

    there = train_recipe(tmp_path / "there", recipe, on="ray", watch=Watch(progress=kill))
    assert weights_of(there.folder) == weights_of(here.folder)
    assert there.card.id == here.card.id
    again = [after for before, after in pairwise(seen) if after <= before]
    assert again == [201], "it went on from the last checkpoint"
    assert seen[-1] == 420
    assert not ray.is_initialized()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_two_nodes_train_together_and_go_on_with_one_when_the_other_is_lost(cluster: Any, tmp_path: Path) -> None:
    """The weights are those of one machine but for the order of sums; a checkpoint of both is gone on from by one."""
    import torch
    from safetensors.torch import load

    from instill.common.progress_watch import Watch
    from instill.train.pipeline import train_recipe

    steps = "[training]\nsteps = 230\nbatch_size = 4\nlearning_rate = 0.001\nprecision = 'fp32'\n"
    recipe = recipe_of(write_task(tmp_path / "task"), more=steps)
    here = train_recipe(tmp_path / "here", recipe)
    node = cluster.add_node(num_cpus=1, object_store_memory=STORE)
    seen: list[int] = []

    def kill(done: int, total: int, _: str) -> None:
        if done > 205 and not any(each > 205 for each in seen):  # The first checkpoint is of step 200.
            cluster.remove_node(node, allow_graceful=False)
        seen.append(done)

    with pytest.raises(UsageError, match="The cluster has 1 core for 2 processes"):
        train_recipe(tmp_path / "there", recipe, on="ray", workers=2, watch=Watch(progress=kill))
    assert max(seen) < 230
    began = len(seen)
    there = train_recipe(tmp_path / "there", recipe, on="ray", watch=Watch(progress=kill))
    assert seen[began] == 201, "it went on from the checkpoint that two had made"
    assert there.card.id == here.card.id
    first, second = load(weights_of(here.folder)), load(weights_of(there.folder))
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, atol=1e-3, rtol=0)

    nodes = [cluster.add_node(num_cpus=1, object_store_memory=STORE)]
    whole = train_recipe(tmp_path / "whole", recipe, on="ray", workers=2)
    for each in nodes:
        cluster.remove_node(each)
    third = load(weights_of(whole.folder))
    for name, value in first.items():
        torch.testing.assert_close(third[name], value, atol=1e-3, rtol=0)
    assert not ray.is_initialized()


def test_several_workers_need_a_cluster(tmp_path: Path) -> None:
    from instill.train.pipeline import train_recipe

    with pytest.raises(UsageError, match="on a Ray cluster only"):
        train_recipe(tmp_path / "kb", recipe_of(write_task(tmp_path / "task")), workers=2)


@pytest.mark.long
def test_a_comparison_whose_arms_train_on_two_nodes_is_that_of_one_machine(cluster: Any, tmp_path: Path) -> None:
    from instill.models.registry.store import Registry
    from tests.compare.compare_world import make_world
    from tests.compare.small_compare import give_model, run

    found = {}
    for on in ("", "ray"):
        world = make_world(tmp_path / (on or "here"))
        give_model(world, tmp_path / "base")
        nodes = [cluster.add_node(num_cpus=1, object_store_memory=STORE)] if on else []
        compared = run(world.workspace.path, on=on)
        for node in nodes:
            cluster.remove_node(node)
        registry = Registry(world.workspace.home)
        found[on] = (
            {each: weights_of(registry.folder / each) for each in registry.ids()},
            [replace(each.outcome, seconds=0.0) for each in compared.records],
        )
    assert found["ray"] == found[""]
    assert len(found[""][0]) == 3, "facts by heart, reading, and the changed fact"
    assert not ray.is_initialized()


def test_a_comparison_that_trains_nothing_needs_no_cluster(tmp_path: Path) -> None:
    from instill.compare.comparing import compare
    from instill.compare.plan import ComparePlan
    from tests.compare.compare_world import make_world

    world = make_world(tmp_path)
    with pytest.raises(UsageError, match="none is trained"):
        compare(world.workspace, world.study, ComparePlan(on="ray"))


def test_what_trains_here_only_and_mistakes_are_said(cluster: Any, tmp_path: Path) -> None:
    from instill.train.pipeline import train_recipe

    folder = write_task(tmp_path / "task")
    recipe = recipe_of(folder, plain="objective = 'preference'\n")
    with pytest.raises(UsageError, match="trains on this machine only"):
        train_recipe(tmp_path / "kb", recipe, on="ray")
    with pytest.raises(UsageError, match="No Ray cluster answers here"):
        train_recipe(tmp_path / "kb", recipe_of(folder), on="ray://127.0.0.1:9")


def test_a_node_with_another_base_is_found_out(tmp_path: Path) -> None:
    from instill.train.generator.on_ray import for_a_node, on_this_node
    from instill.train.generator.run import open_recipe

    prepared = open_recipe(recipe_of(write_task(tmp_path / "task")))
    assert on_this_node(for_a_node(prepared)).identity == prepared.identity
    with pytest.raises(WorkspaceError, match="another base than this machine"):
        on_this_node(replace(for_a_node(prepared), base_hash="other"))


def test_whatever_goes_wrong_on_a_node_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from instill.common.ray_cluster import Mistake
    from instill.train.generator import on_ray
    from instill.train.generator.run import open_recipe

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(on_ray, "fit", broken)
    node = on_ray.NodeTraining()
    prepared = open_recipe(recipe_of(write_task(tmp_path / "task")))
    node.start(on_ray.Work(on_ray.for_a_node(prepared), {}, {}))
    [told] = node.poll(60.0)
    assert isinstance(told, Mistake)
    assert (told.kind, told.what) == (
        WorkspaceError,
        "The training failed on a node: RuntimeError: out of memory",
    )
    assert node.poll(0.0) == []


def test_no_file_of_a_node_lands_outside_of_the_run(tmp_path: Path) -> None:
    from instill.train.generator.on_ray import write_files

    write_files(tmp_path / "run", {"candidate/a.json": b"1"})
    assert (tmp_path / "run" / "candidate" / "a.json").read_bytes() == b"1"
    for name in ("../escaped", "/escaped", "a/../../escaped"):
        with pytest.raises(WorkspaceError, match="lies outside of its folder"):
            write_files(tmp_path / "run", {name: b"2"})


@pytest.mark.long
def test_a_curve_is_that_of_one_process(cluster: Any, tmp_path: Path) -> None:
    from instill.curve.growing import CurveSettings, measure_data_curve
    from instill.curve.material import recipe_material

    training = "[training]\nepochs = 6\nbatch_size = 18\nlearning_rate = 0.02\nprecision = 'fp32'\n"
    recipe = recipe_of(write_task(tmp_path / "task"), data='held_out = ["unseen.jsonl"]\n', more=training)
    chosen = CurveSettings(sizes=(4, 12, 36), seeds=2)
    found = [
        measure_data_curve(tmp_path / name, recipe_material(recipe), tmp_path / name / "curve", chosen, on=on)
        for name, on in (("here", ""), ("there", "ray"))
    ]
    here, there = ([(each.size, each.seed, each.scores) for each in curve.curve.results] for curve in found)
    assert there == here
    assert (found[1].taught, found[1].curve.skipped_seeds) == (found[0].taught, found[0].curve.skipped_seeds)
    assert all(each.seconds > 0 for each in found[1].curve.results)


@pytest.mark.long
def test_a_trial_of_the_laboratory_is_the_same(cluster: Any, tmp_path: Path) -> None:
    from instill.lab.running import Trial, run_trials
    from instill.models.weights import micro_folder

    trial = Trial("replay", "not taught", 0)
    (here,) = run_trials([trial], micro_folder(), tmp_path / "here", workers=1)
    (there,) = run_trials([trial], micro_folder(), tmp_path / "there", on="ray")
    assert there.measures == here.measures
