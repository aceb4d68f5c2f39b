"""Runs experiments: every arm with every seed, in processes of one thread each; what is done is kept."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from instill import __version__
from instill.common.durable_files import write_json
from instill.common.ray_cluster import RayCluster
from instill.lab.experiments.all import EXPERIMENTS
from instill.lab.workbench import Bench, Measures
from instill.models.generators.model_hash import model_hash


@dataclass(frozen=True, slots=True)
class Trial:
    """One arm with one seed."""

    experiment: str
    arm: str
    seed: int

    @property
    def name(self) -> str:
        """For files."""
        digest = hashlib.sha256(self.arm.encode()).hexdigest()[:8]
        return f"{self.experiment}-{digest}-{self.seed}.json"


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured, and how long it took (seconds of one core)."""

    trial: Trial
    measures: Measures
    seconds: float


def trials_of(names: Sequence[str], seeds: int, *, first: int = 0) -> list[Trial]:
    """All arms of the experiments, each with `seeds` seeds from `first` on."""
    drawn = range(first, first + seeds)
    return [Trial(name, arm, seed) for name in names for arm in EXPERIMENTS[name].arms for seed in drawn]


def run_trials(
    trials: Sequence[Trial],
    model: Path,
    out: Path,
    *,
    workers: int = 0,
    on: str = "",
    progress: Callable[[int, int, Trial], None] | None = None,
) -> list[Result]:
    """Run them; the results in the order of the trials.

    Args:
        model: folder of the micro model, or of another that was trained on the same world.
        out: where results are kept, one file each; those of the same model and version are used again.
        workers: processes; 0: one a core.
        on: a Ray cluster instead, "ray" or "ray://HOST:PORT"; see `instill.common.ray_cluster`. Its nodes find `model`
            at the same path.

    Raises:
        UsageError: there is no cluster at `on`.
    """
    folder = out / f"results-{model_hash(model)}-{__version__}"
    folder.mkdir(parents=True, exist_ok=True)
    found = [result for result in (_kept(folder, trial) for trial in trials) if result is not None]
    done = {result.trial for result in found}
    missing = [trial for trial in trials if trial not in done]
    with _pool(workers, on) as pool:
        futures: list[Future[Result]] = [pool.submit(_run, model, trial) for trial in missing]
        try:
            for future in as_completed(futures):
                result = future.result()
                write_json(folder / result.trial.name, {"measures": result.measures, "seconds": result.seconds})
                found.append(result)
                if progress is not None:
                    progress(len(found), len(trials), result.trial)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    order = {trial: number for number, trial in enumerate(trials)}
    return sorted(found, key=lambda result: order[result.trial])


def _pool(workers: int, on: str) -> Executor:
    if on:
        return RayCluster(on)
    return ProcessPoolExecutor(workers or os.cpu_count() or 1, mp_context=multiprocessing.get_context("spawn"))


def _run(model: Path, trial: Trial) -> Result:
    one_thread()
    started = time.monotonic()
    arm = EXPERIMENTS[trial.experiment].arms[trial.arm]
    measures = arm(Bench(model, trial.seed))
    return Result(trial, measures, time.monotonic() - started)


def one_thread() -> None:
    """Two processes of one thread get twice as much done as one process of two, with matrices as small as these."""
    import torch
    from transformers.utils import logging

    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _kept(folder: Path, trial: Trial) -> Result | None:
    try:
        content = json.loads((folder / trial.name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    measures = {name: [(about, value) for about, value in found] for name, found in content["measures"].items()}
    return Result(trial, measures, float(content["seconds"]))
