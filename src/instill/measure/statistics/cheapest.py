"""The cheapest arm that is not measurably worse than the best.

An arm's loss is the best other arm's true score minus its own. With a tolerance, what may be lost, an arm is

- `within` when a loss of the tolerance is ruled out: against EVERY other arm the upper end of the interval of
  (other - arm) is below the tolerance;
- `worse` when some other arm is proven better (lower end above 0) and its lead is above the tolerance;
- else `open`.

The arms are gone through from the cheapest on: worse ones are passed over, the first that is within is taken, and an
open one ends it: not enough evidence, since taking a dearer arm would claim that the cheaper one is worse.

The winner's curse. Nowhere is an arm singled out as "the best" and its flattered score held against the others. "Within
the tolerance of the best" is the same as "within the tolerance of every other arm", and a claim about all of several
that holds only if each one holds needs no correction for their number (intersection-union test: Berger, "Multiparameter
hypothesis testing and acceptance sampling", Technometrics 24, 1982).

Many arms. For k arms the two-sided interval of each pair has the level 1 - (1 - level) / (k - 1), so that each side
errs with (1 - level) / 2 / (k - 1). Let b be the truly best arm.

- An arm that truly loses the tolerance or more is called within only if its interval against b fails. There are at most
  k - 1 such arms: the chance that ANY of them is called within, so also that one is recommended, is at most
  (1 - level) / 2.
- A given arm that is as good as the best is called worse only if one of its k - 1 intervals fails: at most
  (1 - level) / 2. So the chance of passing over the cheapest of the best arms is bounded as well.

This is comparison with the best without knowing it (Hsu, "Simultaneous confidence intervals for all distances from the
'best'", Annals of Statistics 9, 1981), with Bonferroni's constant in place of his. All pairs at once would need
k(k - 1)/2 in place of k - 1 and more questions, for claims about arms that nobody asks about.

Costs are taken as known. Several needs are several questions: the level holds for each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from instill.errors import UsageError
from instill.measure.paired import Interval
from instill.measure.saying import interval_beside, limit_text
from instill.measure.statistics.comparing import Table
from instill.measure.statistics.grouping import check_between
from instill.measure.statistics.intervals import limits

Numbers = NDArray[np.float64]
Outcome = Literal["within", "worse", "open"]

_LUCK = 0.8  # the chance that so many questions decide
_FUTILE = 100  # times the questions that there are: more would hardly help,
_MANY = 2_000  # unless so many would do: five questions are soon a hundred times as many
_EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class Cost:
    """What one need costs with an arm: money in the configured currency, and seconds. From 0 on."""

    money: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Standing:
    """An arm against all others.

    Args:
        score: its mean, 0 to 1.
        rival: the other arm with the highest mean.
        loss: the largest lead of another arm (below 0 where this one leads all), at the level for all arms together.
        needed: where it is open, about how many questions decide in 8 of 10 cases if the means stay; None: more
            questions would hardly help, its loss is about the tolerance. Else 0.
    """

    arm: str
    cost: Cost
    score: float
    rival: str
    loss: Interval
    outcome: Outcome
    needed: int | None


@dataclass(frozen=True, slots=True)
class Cheapest:
    """The recommendation for one need.

    Args:
        arm: what is recommended; None: not enough evidence.
        meanwhile: the cheapest arm that is shown to be within the tolerance; None when none is.
        needed: about how many questions would decide; 0 when it is decided, None when more would hardly help.
        standings: from the cheapest on.
        said: a sentence for people.
    """

    need: str
    tolerance: float
    questions: int
    arm: str | None
    meanwhile: str | None
    needed: int | None
    standings: tuple[Standing, ...]
    said: str

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "need": self.need,
            "tolerance": self.tolerance,
            "questions": self.questions,
            "arm": self.arm,
            "meanwhile": self.meanwhile,
            "needed": self.needed,
            "said": self.said,
            "standings": [
                {
                    "arm": each.arm,
                    "money": each.cost.money,
                    "seconds": each.cost.seconds,
                    "score": each.score,
                    "rival": each.rival,
                    "loss": {"mean": each.loss.mean, "low": each.loss.low, "high": each.loss.high},
                    "outcome": each.outcome,
                    "needed": each.needed,
                }
                for each in self.standings
            ],
        }


def cheapest(
    table: Table,
    costs: Mapping[str, Cost],
    *,
    tolerance: float,
    need: str = "",
    by: Literal["money", "seconds"] = "money",
    level: float = 0.95,
) -> Cheapest:
    """The cheapest arm that is not measurably worse than the best; see above.

    Args:
        table: scores of two arms or more for this need.
        costs: of each arm, for this need.
        tolerance: what may be lost of the best score; above 0, below 1.
        by: what is compared first; equal costs are decided by the other, then by the higher score.
        level: 1 less twice the chance of each of the two errors above.

    Raises:
        UsageError: tolerance or level is out of its range, or an arm has no cost, or one below 0.

    Example:
        >>> table = Table.of({"closed book": [0.0] * 100, "retrieval": [1.0] * 100}, [str(q) for q in range(100)])
        >>> costs = {"closed book": Cost(0.0, 0.1), "retrieval": Cost(0.01, 0.3)}
        >>> print(cheapest(table, costs, tolerance=0.05).said)
        retrieval is the cheapest arm that is not measurably worse than the best (tolerance 0.05); closed book is cheaper, but loses 1.000 [0.941, 1.000] against retrieval.
    """  # noqa: E501 - the sentence as it is printed
    check_between(tolerance, "tolerance")
    check_between(level, "level")
    _check_costs(table, costs)
    standings = sorted(
        _standings(table, costs, tolerance, level),
        key=lambda each: (*_price(each.cost, by), -each.score),
    )
    chosen = next((each for each in standings if each.outcome != "worse"), None)
    assert chosen is not None, "the arm with the highest mean has no rival with a lead above the tolerance"
    meanwhile = next((each.arm for each in standings if each.outcome == "within"), None)
    arm = chosen.arm if chosen.outcome == "within" else None
    needed = 0 if arm else _needed_in_all(standings, tolerance)
    said = (
        _recommended(chosen, standings, tolerance) if arm else _undecided(chosen, meanwhile, needed, table, tolerance)
    )
    return Cheapest(need, tolerance, table.questions, arm, meanwhile, needed, tuple(standings), said)


def _standings(table: Table, costs: Mapping[str, Cost], tolerance: float, level: float) -> list[Standing]:
    """Of all arms, in the table's order."""
    number = len(table.arms)
    if number == 1:
        only = table.arms[0]
        return [Standing(only, costs[only], float(table.scores.mean()), only, Interval(0.0, 0.0, 0.0), "within", 0)]
    each = (1 - level) / (number - 1)
    others = [[other for other in range(number) if other != place] for place in range(number)]
    leads = table.scores[np.concatenate(others)] - np.repeat(table.scores, number - 1, axis=0)
    ends = [side.reshape(number, -1) for side in limits(leads, table.groups, level=1 - each)]
    found = []
    for place, (arm, means, lows, highs) in enumerate(zip(table.arms, *ends, strict=True)):
        loss = Interval(float(means.max()), float(lows.max()), float(highs.max()))
        outcome = _outcome(means, lows, highs, tolerance)
        factor = _factor(means, lows, highs, tolerance, each) if outcome == "open" else 0.0
        needed = ceil(table.questions * factor) if factor <= max(_FUTILE, _MANY / table.questions) else None
        rival = table.arms[others[place][int(means.argmax())]]
        found.append(Standing(arm, costs[arm], float(table.scores[place].mean()), rival, loss, outcome, needed))
    return found


def _outcome(means: Numbers, lows: Numbers, highs: Numbers, tolerance: float) -> Outcome:
    """From the leads of the other arms, `(others,)` each."""
    if (highs < tolerance - _EDGE).all():
        return "within"
    return "worse" if ((lows > _EDGE) & (means > tolerance + _EDGE)).any() else "open"


def _factor(means: Numbers, lows: Numbers, highs: Numbers, tolerance: float, level: float) -> float:
    """How many times the questions decide, if the means stay: an interval shrinks with the root of their number.

    Its half must come down to the distance that is to be shown, and, for the chance `_LUCK`, a bit more: by the ratio
    of the quantiles (z_a + z_b) / z_a, as in `power`.
    """
    side = NormalDist().inv_cdf(1 - level / 2)
    ratio = (side + NormalDist().inv_cdf(_LUCK)) / side
    leading = means > tolerance + _EDGE
    if leading.any():  # it will be worse, when the first of these leads is proven
        times = ratio * (means - lows)[leading] / means[leading]
        return max(1.0, float(times.min()) ** 2)
    unclear = highs >= tolerance - _EDGE  # it will be within, when the last of these is ruled out
    times = ratio * (highs - means)[unclear] / np.maximum(tolerance - means[unclear], _EDGE)
    return max(1.0, float(times.max()) ** 2)


def _needed_in_all(standings: Sequence[Standing], tolerance: float) -> int | None:
    """Open arms are decided from the cheapest on, up to the first that is, or is going to be, within."""
    needed = 0
    for each in standings:
        if each.needed is None:
            return None
        needed = max(needed, each.needed)
        if each.outcome != "worse" and each.loss.mean <= tolerance + _EDGE:
            break
    return needed


def _recommended(chosen: Standing, standings: Sequence[Standing], tolerance: float) -> str:
    cheaper = standings[: standings.index(chosen)]
    if len(standings) == 1:
        return f"{chosen.arm} is held against no other arm."
    limit = limit_text(tolerance)
    said = f"{chosen.arm} is the cheapest arm that is not measurably worse than the best (tolerance {limit})"
    losses = [
        f"{each.arm} is cheaper, but loses {interval_beside(each.loss, tolerance)} against {each.rival}"
        for each in cheaper
    ]
    return "; ".join([said, *losses]) + "."


def _undecided(chosen: Standing, meanwhile: str | None, needed: int | None, table: Table, tolerance: float) -> str:
    many = "more questions would hardly help" if needed is None else f"about {needed:,} would decide"
    shown = f"until then {meanwhile} is shown to be within it" if meanwhile else "no arm is shown to be within it"
    return (
        f"Not enough evidence: {table.questions} questions do not show whether {chosen.arm} is worse than the best by "
        f"{limit_text(tolerance)} ({interval_beside(chosen.loss, tolerance)} behind {chosen.rival}); {many}; {shown}."
    )


def _price(cost: Cost, by: Literal["money", "seconds"]) -> tuple[float, float]:
    return (cost.money, cost.seconds) if by == "money" else (cost.seconds, cost.money)


def _check_costs(table: Table, costs: Mapping[str, Cost]) -> None:
    for arm in table.arms:
        if arm not in costs:
            raise UsageError("The arm has no cost.", where=arm, remedy="Give money and seconds for each arm.")
        for value in (costs[arm].money, costs[arm].seconds):
            if not isfinite(value) or value < 0:
                raise UsageError(f"{value:g} is no cost.", where=arm, remedy="Give a number from 0 on.")
