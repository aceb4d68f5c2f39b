"""What `bench/train.py` makes of the times: tokens per second, and ratios that are paired by round, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from train_arms import ARMS, FIRST, LATER, Turn

COMPARED = (
    *(
        (f"ours {kind} {layout}", f"trl {kind} {layout}")
        for kind in ("full", "lora", "last")
        for layout in ("padded", "packed")
    ),
    *(
        (f"ours last {layout} cached, {part}", f"trl {kind} {layout}")
        for layout in ("padded", "packed")
        for kind, part in (("last", FIRST), ("last", LATER), ("lora", LATER))
    ),
)
"""Pairs whose speed is divided: the first by the second."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Of one part of an arm.

    Args:
        tokens_per_second: in each round.
        before: megabytes when the model was open.
        peak: the most megabytes.
    """

    tokens_per_second: tuple[float, ...]
    before: float
    peak: float

    @property
    def median(self) -> float:
        return float(np.median(self.tokens_per_second))


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as fast, with a 95% interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def speeds(turns: Mapping[str, Sequence[Turn]], *, processor: bool = False) -> dict[str, Speed]:
    """Of every part of the arms that were measured.

    Args:
        turns: of each arm, by its name.
        processor: tokens per second of processor time, which other programs disturb less.
    """
    found = {}
    for arm in ARMS:
        taken = turns.get(arm.name, ())
        for place, part in enumerate(arm.parts):
            if taken:
                times = [(each.used if processor else each.seconds)[place] for each in taken]
                rates = tuple(each.tokens / time for each, time in zip(taken, times, strict=True))
                found[part] = Speed(rates, taken[0].before, max(each.peak for each in taken))
    return found


def paired_ratio(fast: Sequence[float], slow: Sequence[float], *, samples: int = 10_000) -> Ratio:
    """Geometric mean of the rounds' ratios, with its bootstrap interval over rounds.

    Example:
        >>> str(paired_ratio([4.0, 2.0], [2.0, 1.0]))
        '2.00 [2.00, 2.00]'
    """
    logs = np.log(np.asarray(fast) / np.asarray(slow))
    means = np.random.default_rng(0).choice(logs, (samples, len(logs))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Ratio(*(float(np.exp(each)) for each in (logs.mean(), low, high)))


def ratios(measured: Mapping[str, Speed]) -> dict[tuple[str, str], Ratio]:
    """Of every compared pair that was measured."""
    return {
        (one, other): paired_ratio(measured[one].tokens_per_second, measured[other].tokens_per_second)
        for one, other in COMPARED
        if one in measured and other in measured
    }


def tables(measured: Mapping[str, Speed]) -> str:
    """Both as Markdown."""
    lines = ["| arm | tokens/s | peak memory, MB | of it in training |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {each.median:,.0f} | {each.peak:,.0f} | {each.peak - each.before:,.0f} |"
        for name, each in measured.items()
    ]
    lines += ["", "| ours | beside | times as fast |", "|---|---|---|"]
    lines += [f"| {one} | {other} | {ratio} |" for (one, other), ratio in ratios(measured).items()]
    return "\n".join(lines)
