"""Promotions by several processes, and by processes that are killed: real ones."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

from instill.models.registry import Champions, Registry
from tests.models.registry.made import BASE_HASH, make_card, make_weights

PROMOTE = """
import sys
from itertools import cycle, islice
from pathlib import Path
from instill.models.registry import Champions, Registry
champions = Champions(Registry(Path(sys.argv[1])))
print("ready", flush=True)
for id_ in islice(cycle(sys.argv[3:]), int(sys.argv[2])):
    champions.promote(id_)
"""


def start(home: Path, count: int, *ids: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROMOTE, str(home), str(count), *ids]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def filled(registry: Registry, base: Path, tmp_path: Path) -> Champions:
    for value, id_ in enumerate(("a-1", "b-1", "c-1", "d-1")):
        registry.add(make_weights(tmp_path / "run", float(value)), make_card(id_, base))
    return Champions(registry)


def test_two_processes_at_once_lose_nothing(registry: Registry, base: Path, tmp_path: Path) -> None:
    champions = filled(registry, base, tmp_path)
    running = [start(registry.home, 20, "a-1", "b-1"), start(registry.home, 20, "c-1", "d-1")]
    assert [each.wait(60) for each in running] == [0, 0]
    history = champions.lines()[BASE_HASH].history
    assert len(history) == 40
    assert [event.before for event in history] == [None, *(event.champion for event in history[:-1])]


def test_a_killed_promotion_leaves_the_old_champion_or_the_new(registry: Registry, base: Path, tmp_path: Path) -> None:
    champions = filled(registry, base, tmp_path)
    drawn = random.Random(0)
    for _ in range(6):
        before = champions.lines().get(BASE_HASH)
        running = start(registry.home, 1_000_000, "a-1", "b-1")
        assert running.stdout is not None
        running.stdout.readline()
        time.sleep(drawn.uniform(0, 0.1))
        running.kill()
        running.wait()
        running.stdout.close()
        after = champions.lines().get(BASE_HASH)
        if before is not None:
            assert after is not None
            assert after.history[: len(before.history)] == before.history
        if after is not None:
            assert [event.before for event in after.history[1:]] == [each.champion for each in after.history[:-1]]
            assert after.champion == after.history[-1].champion
            registry.check(after.champion or "")
    champions.promote("c-1")  # The lock was freed, and what the dead left is gone.
    assert json.loads((registry.home / "champion.json").read_text())["bases"][BASE_HASH]["line"][-1] == "c-1"
    assert sorted(file.name for file in registry.home.iterdir()) == ["adapters", "champion.json", "registry.lock"]
