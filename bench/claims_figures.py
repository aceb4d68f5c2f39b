"""From the finished runs of `bench/claims.py` to intervals and verdicts.

A figure is the mean over persons (or words, tickets, texts) of all seeds. Its 95% interval is the wider at each end of
one over persons (`group_interval`; for nats, which have no largest value, the bootstrap) and one over seeds (Student's
t). Differences are paired by person. What is said of a claim follows from these intervals alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log10
from typing import Any, Literal

from instill.lab.effects import Seen, over_seeds
from instill.lab.experiments.experiment import Claim
from instill.measure.statistics.grouped_mean_interval import group_interval
from instill.measure.statistics.interval_type import Interval
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval

Runs = Mapping[str, Mapping[int, Mapping[str, Mapping[str, float]]]]
"""Arm -> seed -> quantity -> whom it is about -> its value."""

LINE = "line"
"""The name of an arm that stands for a number: `(LINE, "0.8")`."""

UNBOUNDED = frozenset({"nats", "words", "log10 times"})
"""Quantities that are no shares."""

Verdict = Literal["held", "held in part", "did not hold", "not shown"]


def values_of(lines: Iterable[Mapping[str, Any]]) -> Runs:
    """The values of all runs: numerators by denominators."""
    found: dict[str, dict[int, dict[str, dict[str, float]]]] = {}
    for line in lines:
        scores = {
            name: {about: each[0] / each[1] for about, each in by.items() if each[1]}
            for name, by in line["scores"].items()
        }
        found.setdefault(line["arm"], {})[line["seed"]] = {**scores, **gaps(scores)}
    cost = costs(lines)
    if cost:
        found["cost"] = {seed: {"log10 times": {"all": log10(each["times"])}} for seed, each in cost.items()}
    return found


def gaps(scores: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """By how much a question in a wording as it was taught is answered more often than in another, by person."""
    if not {"as taught", "asked"} <= scores.keys():
        return {}
    return {"gap": {about: taught - scores["asked"][about] for about, taught in scores["as taught"].items()}}


def costs(lines: Iterable[Mapping[str, Any]]) -> dict[int, dict[str, float]]:
    """By seed: processor seconds for one more answered fact by weights and by index, and their ratio."""
    spent: dict[str, dict[int, float]] = {"with questions": {}, "search": {}}
    for line in lines:
        if line["arm"] in spent:
            answered = sum(right for right, _ in line["scores"]["asked"].values()) / 2  # Two wordings of a fact.
            if answered:
                spent[line["arm"]][line["seed"]] = line["processor seconds"] / answered
    weights, index = spent["with questions"], spent["search"]
    return {
        seed: {"weights": weights[seed], "index": index[seed], "times": weights[seed] / index[seed]}
        for seed in sorted(weights.keys() & index.keys())
    }


def shown(by_seed: Mapping[int, Mapping[str, float]], scale: tuple[float, float] | None) -> Interval:
    """The mean of values with its 95% interval over persons and seeds; see above.

    Args:
        by_seed: seed -> whom -> value.
        scale: the least and the largest value there can be; None: there is no such.

    Raises:
        ValueError: there are no values.

    Example:
        >>> str(shown({0: {"a": 1.0, "b": 0.0}, 1: {"a": 1.0, "b": 0.0}}, (0.0, 1.0)))
        '0.500 [0.068, 0.932]'
    """
    values = [value for about in by_seed.values() for value in about.values()]
    groups = [f"{seed} {about}" for seed, by in by_seed.items() for about in by]
    people = bootstrap_interval(values, groups) if scale is None else group_interval(values, groups, scale=scale)
    seeds = over_seeds([sum(by.values()) / len(by) for by in by_seed.values()])
    low, high = min(people.low, seeds.low), max(people.high, seeds.high)
    if scale is not None:
        low, high = max(low, scale[0]), min(high, scale[1])
    return Interval(people.mean, low, high)


def level(runs: Runs, arm: str, quantity: str) -> Interval | None:
    """A figure of the tables; None where it was not measured."""
    by_seed = _by_seed(runs, (arm, quantity))
    if not by_seed:
        return None
    if quantity in UNBOUNDED:
        found = shown(by_seed, None)
        return Interval(found.mean, max(found.low, 0.0), found.high)
    return shown(by_seed, (-1.0, 1.0) if quantity == "gap" else (0.0, 1.0))


def check(claim: Claim, runs: Runs) -> Seen | None:
    """A claim beside what was measured; None where a side of it was not."""
    higher, lower = (_by_seed(runs, side) for side in (claim.higher, claim.lower))
    lines = [float(name) for arm, name in (claim.higher, claim.lower) if arm == LINE]
    if lines:
        measured, sign = (lower, -1.0) if claim.higher[0] == LINE else (higher, 1.0)
        differences = {
            seed: {about: sign * (value - lines[0]) for about, value in by.items()} for seed, by in measured.items()
        }
        ends = sorted((sign * -lines[0], sign * (1 - lines[0])))
        scale = (ends[0], ends[1])
    else:
        differences = {
            seed: {about: higher[seed][about] - lower[seed][about] for about in higher[seed] if about in lower[seed]}
            for seed in higher.keys() & lower.keys()
        }
        scale = (-2.0, 2.0) if claim.higher[1] == "gap" else (-1.0, 1.0)
    if not any(differences.values()):
        return None
    unbounded = {claim.higher[1], claim.lower[1]} & UNBOUNDED
    return Seen(claim, shown(dict(sorted(differences.items())), None if unbounded else scale))


def verdict(seen: Sequence[Seen | None]) -> Verdict:
    """What the intervals of a claim's parts say of it.

    Held: every part was seen. Held in part: some were. Did not hold: none was, and of one the opposite was. Not shown:
    no interval tells.
    """
    found = [each.verdict if each is not None else "not shown either way" for each in seen]
    if found and all(each == "seen" for each in found):
        return "held"
    if "seen" in found:
        return "held in part"
    return "did not hold" if "the opposite was seen" in found else "not shown"


def _by_seed(runs: Runs, side: tuple[str, str]) -> dict[int, dict[str, float]]:
    arm, quantity = side
    return {
        seed: dict(measured[quantity]) for seed, measured in sorted(runs.get(arm, {}).items()) if measured.get(quantity)
    }
