"""The driver: early stops change no answer, and a run that is killed again and again ends as it would have ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from instill.curve.results import Result
from instill.curve.running import Curve, CurveProgress, Score, measure_curve
from instill.curve.stored_results import open_results
from instill.errors import UsageError, WorkspaceError
from tests.warm import Warm

SIZES = (10, 22, 46, 100, 220, 460, 1000)

WORKER = """
import sys, time
from pathlib import Path
import numpy as np
from instill.curve.running import measure_curve

def score(size, seed):
    time.sleep(0.03)
    chance = np.random.default_rng((size, seed))
    return (chance.random(100) < 0.9 - 2 * size**-0.5).astype(float)

if __name__ == "__main__":
    measure_curve(score, (10, 22, 46, 100, 220), (0, 1, 2), Path(sys.argv[1]), identity="x", width=None, settle=False)
"""


def noisy(size: int, seed: int) -> Sequence[float]:
    chance = np.random.default_rng((size, seed))
    drawn: list[float] = (chance.random(100) < 0.9 - 2 * size**-0.5).astype(float).tolist()
    return drawn


def noiseless(ceiling: float, scale: float, rate: float, questions: int = 500) -> Score:
    return lambda size, seed: [max(0.0, ceiling - scale * size**-rate)] * questions


@pytest.mark.parametrize("gain", [0.01, 0.03])
@pytest.mark.parametrize(
    "law", [(0.9, 2.0, 0.5), (0.9, 4.0, 0.9), (1.0, 5.0, 1.2), (0.7, 1.0, 0.3), (0.5, 0.0, 1.0), (1.0, 0.0, 1.0)]
)
def test_early_stops_do_not_change_the_answer_without_noise(
    tmp_path: Path, law: tuple[float, float, float], gain: float
) -> None:
    def run(name: str, *, early: bool) -> Curve:
        width = 0.05 if early else None
        return measure_curve(
            noiseless(*law), SIZES, (0, 1, 2, 3), tmp_path / name, identity="x", gain=gain, width=width, settle=early
        )

    early, whole = run("early", early=True), run("whole", early=False)
    assert early.skipped_seeds > 0
    assert len(early.results) < len(whole.results) == 28
    assert (early.advice.kind, early.advice.have) == (whole.advice.kind, whole.advice.have)
    if whole.advice.enough is not None and law[1]:
        assert early.advice.enough is not None
        assert early.advice.enough.mean == pytest.approx(whole.advice.enough.mean, rel=1e-3)


def test_larger_sizes_are_left_out_once_it_is_settled(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def score(size: int, seed: int) -> Sequence[float]:
        asked.append((size, seed))
        return noiseless(0.9, 4.0, 0.9)(size, seed)

    found = measure_curve(score, SIZES, (0, 1, 2), tmp_path / "a.jsonl", identity="x", gain=0.03)
    assert found.skipped_sizes == (460, 1000)
    assert found.skipped_seeds == 5
    assert asked == [(size, seed) for size in SIZES[:5] for seed in (0, 1)]
    assert found.advice.kind == "stop"


def test_seeds_that_differ_are_all_trained(tmp_path: Path) -> None:
    def score(size: int, seed: int) -> Sequence[float]:
        return [0.3 + 0.1 * seed] * 50

    found = measure_curve(score, SIZES, (0, 1, 2, 3), tmp_path / "a.jsonl", identity="x")
    assert (len(found.results), found.skipped_seeds) == (28, 0)


def test_a_settled_mean_is_known_to_the_width(tmp_path: Path) -> None:
    """The share of settled sizes whose mean lies within half the width of the truth is about 95% at least."""
    inside = sizes = 0
    for run in range(12):
        chance = np.random.default_rng(run)

        def score(size: int, seed: int, chance: np.random.Generator = chance) -> Sequence[float]:
            return [float(np.clip(0.5 + chance.normal(0, 0.03), 0, 1))] * 20

        file = tmp_path / f"{run}.jsonl"
        found = measure_curve(score, (1, 2, 4), range(12), file, identity="x", width=0.06, settle=False)
        for size in (1, 2, 4):
            means = [result.mean for result in found.results if result.size == size]
            if len(means) < 12:
                sizes += 1
                inside += bool(abs(np.mean(means) - 0.5) <= 0.03)
    assert sizes >= 25
    assert inside >= 0.9 * sizes


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_results(tmp_path: Path, warm: Warm) -> None:
    file = tmp_path / "killed.jsonl"
    lines = 0
    for kill in range(3):
        worker = warm.start("-c", WORKER, str(file))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and worker.poll() is None:
            if file.exists() and file.read_bytes().count(b"\n") > lines + 2:
                break
            time.sleep(0.002)
        time.sleep(0.01 * kill)
        assert worker.kill(), "the worker ended before it could be killed"
        lines = file.read_bytes().count(b"\n")
    with file.open("ab") as stream:  # A kill may tear the last line.
        stream.write(b'{"size": 220, "seed": 2, "sco')
    seen: list[CurveProgress] = []
    sizes, seeds = SIZES[:5], (0, 1, 2)

    def measure(file: Path) -> Curve:
        return measure_curve(
            noisy, sizes, seeds, file, identity="x", width=None, settle=False, progress=lambda each: seen.append(each)
        )

    found = measure(file)
    assert sum(each.taken_up for each in seen) == lines - 1
    whole = measure(tmp_path / "whole.jsonl")
    assert found.results == whole.results
    assert found.fit.as_dict() == whole.fit.as_dict()
    assert found.advice == whole.advice


def test_progress_tells_of_every_result(tmp_path: Path) -> None:
    seen: list[CurveProgress] = []
    sizes, file = (10, 20), tmp_path / "a.jsonl"
    measure_curve(noisy, sizes, (0, 1), file, identity="x", width=None, progress=seen.append)
    assert [(each.result.size, each.result.seed, each.done, each.most, each.taken_up) for each in seen] == [
        (10, 0, 1, 4, False),
        (10, 1, 2, 4, False),
        (20, 0, 3, 4, False),
        (20, 1, 4, 4, False),
    ]


def test_an_error_of_the_training_keeps_what_was_measured(tmp_path: Path) -> None:
    def breaks(size: int, seed: int) -> Sequence[float]:
        if size == 20:
            raise MemoryError
        return [1.0]

    file = tmp_path / "a.jsonl"
    with pytest.raises(MemoryError):
        measure_curve(breaks, (10, 20), (0,), file, identity="x")
    with open_results(file, "x") as stored:
        assert stored.get(10, 0) == Result(10, 0, (1.0,))
        assert stored.get(20, 0) is None


def test_other_data_and_damaged_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    measure_curve(noisy, (10,), (0,), file, identity="x")
    with pytest.raises(WorkspaceError, match="other data"):
        measure_curve(noisy, (10,), (0,), file, identity="y")
    for line in ("{", "[1]", '{"size": 10}', '{"size": 10, "seed": 0, "scores": ["a"], "seconds": 1}'):
        damaged = tmp_path / "damaged.jsonl"
        damaged.write_text('{"identity": "x"}\n' + line + "\n")
        with pytest.raises(WorkspaceError, match="not a result") as raised:
            measure_curve(noisy, (10,), (0,), damaged, identity="x")
        assert raised.value.where.endswith(":2")


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    with open_results(file, "x"), pytest.raises(WorkspaceError, match="Another process"):
        measure_curve(noisy, (10,), (0,), file, identity="x")


def test_mistakes_in_sizes_and_seeds_are_named(tmp_path: Path) -> None:
    for sizes, seeds in (((), (0,)), ((10,), ()), ((10, 10), (0,)), ((10,), (1, 1))):
        with pytest.raises(UsageError, match="is there twice"):
            measure_curve(noisy, sizes, seeds, tmp_path / "a.jsonl", identity="x")


@pytest.mark.parametrize("scores", [[], [1.5], [float("nan")]])
def test_what_is_no_score_is_not_kept(tmp_path: Path, scores: list[float]) -> None:
    file = tmp_path / "a.jsonl"
    with pytest.raises(ValueError, match="not one score"):
        measure_curve(lambda size, seed: scores, (10,), (0,), file, identity="x")
    assert file.read_text().count("\n") == 1
