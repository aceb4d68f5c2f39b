"""The service from several processes on a Ray cluster: no request is dropped while replicas come and go."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from instill import Workspace
from instill.errors import UsageError
from instill.server.on_ray import Replicas
from tests.conftest import write_handbook

QUESTION = "How much may a hotel cost?"


@pytest.mark.parametrize("text", ["0", "3-1", "0-2", "-1", "1-", "many", "1.5", ""])
def test_what_is_no_number_of_processes_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a number of processes"):
        Replicas.read(text)


def test_without_a_key_nothing_is_served(tmp_path: Path) -> None:
    from instill.server.on_ray import serve_on

    Workspace.init(tmp_path).close()
    with pytest.raises(UsageError, match="Without a key"):
        serve_on("ray", tmp_path, replicas=Replicas(1, 1), on_ready=print)


def asked(address: str, key: str, question: str) -> str:
    """The text of an answer."""
    request = urllib.request.Request(
        f"{address}/api/ask",
        json.dumps({"question": question}).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as reply:
        return str(json.load(reply)["text"])


class Askers:
    """Asks the same question again and again from several threads, and keeps what came."""

    def __init__(self, address: str, key: str, many: int) -> None:
        self.answers: list[str] = []
        self.failed: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(address, key)) for _ in range(many)]

    def __enter__(self) -> Askers:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for each in self._threads:
            each.join()

    def _ask(self, address: str, key: str) -> None:
        while not self._stop.is_set():
            try:
                self.answers.append(asked(address, key, QUESTION))
            except OSError as error:
                self.failed.append(str(error))

    def wait_for(self, many: int) -> None:
        """Until so many more answers have come."""
        wanted, until = len(self.answers) + many, time.monotonic() + 120
        while len(self.answers) < wanted and not self.failed and time.monotonic() < until:
            time.sleep(0.05)
        assert len(self.answers) >= wanted, self.failed


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="needs the extra [ray-serve]")
    pytest.importorskip("ray.serve", reason="needs the extra [ray-serve]")
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@contextmanager
def running_cluster(cores: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster whose first node has so many cores."""
    import ray
    from ray.cluster_utils import Cluster

    head = {"num_cpus": cores, "object_store_memory": 100 * 2**20, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    monkeypatch.setenv("RAY_ADDRESS", made.address)
    try:
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


def served_folder(tmp_path: Path) -> tuple[Path, str]:
    """A workspace, and a key to it."""
    from instill.server.access.keys import KeyStore

    write_handbook(tmp_path / "handbook")
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add(tmp_path / "handbook" / "travel.md")
        return tmp_path / "kb", KeyStore(workspace.catalog).add("ann", role="reader").secret


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.long
@pytest.mark.timeout(600)
def test_no_request_is_dropped_while_replicas_come_and_go(
    environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from ray import serve

    from instill.common.ray_cluster import RayCluster
    from instill.server.on_ray import NAME, deploy

    folder, key = served_folder(tmp_path)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with running_cluster(4, monkeypatch), RayCluster("ray"):
        serve.start(proxy_location="EveryNode", http_options={"host": "127.0.0.1", "port": port})
        deploy(serve, folder, Replicas(1, 1))
        with Askers(address, key, 4) as askers:
            askers.wait_for(5)
            for many in (3, 1, 2):
                deploy(serve, folder, Replicas(many, many))
                askers.wait_for(10)
            with Workspace.open(folder) as workspace:
                workspace.add_text("# Parking\n\nThe car park closes at nine in the evening.", name="parking.md")
            seen = [asked(address, key, "When does the car park close?") for _ in range(8)]
            askers.wait_for(5)
        assert askers.failed == []
        assert set(askers.answers) == {askers.answers[0]}
        assert "140 euros" in askers.answers[0]
        assert all("nine in the evening" in each for each in seen), "every replica sees a commit with its next request"
        serve.delete(NAME)
        serve.shutdown()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_no_question_is_lost_with_a_node(environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from ray import serve

    from instill.common.ray_cluster import RayCluster
    from instill.server.on_ray import NAME, deploy

    folder, key = served_folder(tmp_path)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with running_cluster(1, monkeypatch) as nodes, RayCluster("ray") as cluster:
        other = nodes.add_node(num_cpus=1, object_store_memory=100 * 2**20)
        # Nodes on one machine would share a port; on several machines each one listens.
        serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
        deploy(serve, folder, Replicas(2, 2))
        assert cluster.ray.available_resources().get("CPU", 0) == 0, "a replica on each node"
        with Askers(address, key, 6) as askers:
            askers.wait_for(20)
            nodes.remove_node(other, allow_graceful=False)
            askers.wait_for(30)
        assert askers.failed == []
        assert set(askers.answers) == {askers.answers[0]}
        assert "140 euros" in askers.answers[0]
        serve.delete(NAME)
        serve.shutdown()
