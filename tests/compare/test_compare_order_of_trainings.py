"""The trainings of arms: one after the other here, at the same time on a cluster, with one progress."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest

from instill.common import ray_cluster
from instill.common.progress_watch import Watch
from instill.compare.tuned.order_of_trainings import ArmTraining, trained
from instill.compare.tuned.tuning_by_recipe import Tuned
from instill.errors import UsageError


def tuned(name: str) -> Tuned:
    return Tuned(f"{name}-01", 1.0, 8, 4, Path("recipe.toml"), Path(name))


class JoinedCluster:
    """A cluster that is joined, and left."""

    joined: ClassVar[list[str]] = []

    def __init__(self, address: str) -> None:
        self.joined.append(address)

    def __enter__(self) -> JoinedCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.joined.append("left")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(ray_cluster, "RayCluster", JoinedCluster)
    JoinedCluster.joined.clear()
    return JoinedCluster.joined


def test_without_a_cluster_each_follows_the_one_before() -> None:
    told: list[str] = []

    def training(name: str) -> ArmTraining:
        def train(_: Watch) -> Tuned:
            told.append(name)
            return tuned(name)

        return ArmTraining(name, f"about {name}", train)

    found = trained([training("a"), training("b")], Watch(stage=told.append))
    assert told == ["about a", "a", "about b", "b"]
    assert {name: each.candidate for name, each in found.items()} == {"a": "a-01", "b": "b-01"}
    assert trained([], Watch(), on="ray") == {}


def test_on_a_cluster_all_are_under_way_together_and_told_as_one(cluster: list[str]) -> None:
    together = threading.Barrier(3, timeout=20)
    told: list[tuple[int, int, str]] = []
    warned: list[str] = []

    def training(name: str, steps: int) -> ArmTraining:
        def train(watch: Watch) -> Tuned:
            watch.stage("opening")
            together.wait()  # One that waited for the other would wait for ever.
            watch.progress(0, steps, "begins")
            together.wait()
            watch.progress(steps, steps, "loss 0.5")
            watch.warning(name)
            return tuned(name)

        return ArmTraining(name, f"about {name}", train)

    stages: list[str] = []
    watch = Watch(stages.append, lambda *each: told.append(each), warned.append)
    found = trained([training("a", 10), training("b", 20), training("c", 30)], watch, on="ray")
    assert list(found) == ["a", "b", "c"]
    assert stages == ["training on the cluster: about a; about b; about c"]
    assert sorted(warned) == ["a", "b", "c"]
    assert (told[-1][0], told[-1][1]) == (60, 60)
    assert {what for *_, what in told} == {f"about {each}: {what}" for each in "abc" for what in ("begins", "loss 0.5")}
    assert cluster == ["ray", "left"]


def test_a_mistake_of_one_is_raised_when_the_others_have_ended(cluster: list[str]) -> None:
    ended: list[str] = []

    def wrong(_: Watch) -> Any:
        raise UsageError("There are no rows to train on.")

    def right(_: Watch) -> Tuned:
        ended.append("b")
        return tuned("b")

    trainings = [ArmTraining("a", "a", wrong), ArmTraining("b", "b", right)]
    with pytest.raises(UsageError, match="no rows"):
        trained(trainings, Watch(), on="ray")
    assert ended == ["b"]
    assert cluster == ["ray", "left"]
