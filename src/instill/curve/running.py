"""Measuring a curve: trainings over sizes and seeds, no more of them than the answer needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np

from instill.curve.advising import Advice, advise
from instill.curve.laws.fitting import FEWEST_SIZES, Fit, fit_curve
from instill.curve.results import Result
from instill.curve.stored_results import StoredResults, open_results
from instill.errors import UsageError
from instill.measure.statistics.student import two_sided

Score = Callable[[int, int], Sequence[float]]
"""(size, seed) -> the score of each question, 0 to 1, after training on so many rows."""

FEWEST_SEEDS = 2
"""How trainings differ cannot be told from one."""

_EARLY_LEVEL = 0.99  # The recommendation is looked at after every size; each look may err seldom only.


@dataclass(frozen=True, slots=True)
class CurveProgress:
    """A result is there.

    Args:
        result: the training that ended, or was taken up.
        taken_up: whether it was there from an earlier run.
        done: results so far.
        most: how many there are at most in all; early stops make it fewer.
    """

    result: Result
    taken_up: bool
    done: int
    most: int


@dataclass(frozen=True, slots=True)
class Curve:
    """A measured curve.

    Args:
        results: in the order in which they were measured.
        fit, advice: of these results.
        skipped_sizes: larger sizes that were not measured because the recommendation was settled.
        skipped_seeds: trainings left out at sizes whose mean was settled.
    """

    results: tuple[Result, ...]
    fit: Fit
    advice: Advice
    skipped_sizes: tuple[int, ...]
    skipped_seeds: int


def measure_curve(
    score: Score,
    sizes: Sequence[int],
    seeds: Sequence[int],
    file: Path,
    *,
    identity: str,
    groups: Sequence[str] | None = None,
    gain: float = 0.01,
    have: int | None = None,
    width: float | None = 0.05,
    settle: bool = True,
    seconds: Callable[[int, int], float] | None = None,
    progress: Callable[[CurveProgress], None] | None = None,
) -> Curve:
    """Train and score over sizes and seeds, smallest size first, and say how much data is needed.

    At a size, no more seeds are trained when their mean is known well enough: its 95% interval (Student's t; the
    variance is the larger one of this size's and of all sizes' so far) is narrower than `width`. Questions are not part
    of that interval, since more seeds would not narrow what the choice of questions leaves open. Larger sizes are left
    out once the largest size so far is proven to be enough, with 99% intervals because that is asked after each size:
    along the curve each larger one brings less than `gain` for a doubling.

    Every result is kept in `file` as soon as it is there. A run that was stopped, by whatever, goes on from there when
    it is called again with the same arguments, and ends as it would have ended.

    Args:
        score: trains with (size, seed) and scores the questions, the same ones each time.
        sizes: numbers of rows; see `data_sizes`.
        seeds: the seeds to train each size with, at least one, in this order.
        file: JSONL.
        identity: names data, questions, base and recipe; a file of another identity is refused.
        groups: of each question (its fact or document), for the intervals; None: each by itself.
        gain: the least that a doubling has to bring, in scores.
        have: rows that are there; None: as many as the largest of `sizes`.
        width: of the interval at which a size is settled, in scores; None: all seeds are trained.
        settle: whether larger sizes may be left out.
        seconds: how long the training of (size, seed) took, asked after `score`; None: as long as `score` did.
        progress: called after every result.

    Raises:
        UsageError: there are no sizes or no seeds, or one is there twice.
        WorkspaceError: the file is damaged, in use, or of another identity.
        ValueError: `score` gave something else than one score from 0 to 1 for each question.
    """
    ordered = sorted(sizes)
    for name, values in (("size", ordered), ("seed", list(seeds))):
        if not values or len(set(values)) < len(values):
            raise UsageError(f"There is no {name}, or one is there twice.", where=", ".join(map(str, values)))
    rows = ordered[-1] if have is None else have
    done: list[Result] = []
    skipped_seeds = 0
    with open_results(file, identity) as stored:
        for place, size in enumerate(ordered):
            for number, seed in enumerate(seeds):
                found, taken_up = _result(score, size, seed, stored, done, seconds)
                done.append(found)
                if progress is not None:
                    progress(CurveProgress(found, taken_up, len(done), len(ordered) * len(seeds)))
                if width is not None and _is_settled(done, size, width):
                    skipped_seeds += len(seeds) - number - 1
                    break
            if settle and place + 1 < len(ordered) and _is_enough(done, groups, gain):
                break
    fit = fit_curve(done, groups=groups)
    skipped = tuple(ordered[place + 1 :])
    return Curve(tuple(done), fit, advise(fit, gain=gain, have=rows), skipped, skipped_seeds)


def _result(
    score: Score,
    size: int,
    seed: int,
    stored: StoredResults,
    done: Sequence[Result],
    seconds: Callable[[int, int], float] | None,
) -> tuple[Result, bool]:
    """What was kept, or a new training's scores."""
    known = stored.get(size, seed)
    if known is not None:
        return known, True
    start = time.perf_counter()
    scores = tuple(float(each) for each in score(size, seed))
    if not scores or not all(0 <= each <= 1 for each in scores) or (done and len(scores) != len(done[0].scores)):
        raise ValueError(f"size {size}, seed {seed}: not one score from 0 to 1 for each question")
    took = time.perf_counter() - start if seconds is None else seconds(size, seed)
    found = Result(size, seed, scores, round(took, 3))
    stored.add(found)
    return found, False


def _is_settled(results: Sequence[Result], size: int, width: float) -> bool:
    """Whether the mean of this size, over all seeds there could be, is known to within `width`."""
    means: dict[int, list[float]] = {}
    for result in results:
        means.setdefault(result.size, []).append(result.mean)
    count = len(means[size])
    if count < FEWEST_SEEDS:
        return False
    freedom = sum(len(each) - 1 for each in means.values())
    pooled = sum(float(np.var(each)) * len(each) for each in means.values()) / freedom
    variance = max(pooled, float(np.var(means[size], ddof=1)))
    student = float(two_sided(0.05, freedom))
    return 2 * student * sqrt(variance / count) <= width


def _is_enough(results: Sequence[Result], groups: Sequence[str] | None, gain: float) -> bool:
    """Whether the rows of the largest size so far are proven to be enough."""
    if len({result.size for result in results}) < FEWEST_SIZES:
        return False
    fit = fit_curve(results, groups=groups)
    nothing_left = fit.points[-1].score.low >= 1 - gain
    return (fit.shape == "rising" or nothing_left) and advise(fit, gain=gain, level=_EARLY_LEVEL).kind == "stop"
