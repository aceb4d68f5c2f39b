"""The cheapest arm that is not shown to be worse than the best, and what choosing it can cost at most.

An arm's loss is the best arm's true score minus its own. The arms are gone through from the cheapest on:

1. It is *passed over* when a dearer arm is proven to lead it by more than half the tolerance, and leads it by more than
   the tolerance as measured. The p-values of the dearer arms are adjusted by Holm's method
   (`multiple_comparisons.holm`).
2. The first arm that is not passed over is *named*, with a bound: the largest upper end of a dearer arm's lead. The
   probability that the named arm loses more than its bound is what the intervals promise.
3. It is *decided* when the bound is what would be accepted, or less.
4. Where it is not, an arm is advised *meanwhile*: the cheapest one that is shown to lose no more than would be
   accepted against all others; else the one that can lose the least. It is never the arm with the lowest score. None is
   advised where the questions show nothing: every arm can lose nearly all, or no answer was right.

Why the loss has two limits. The tolerance says for which difference one would pay: an arm that loses less is never
passed over for long. What is acceptable says how certain one must be. One number for both makes near-ties undecidable:
arms that differ by about the tolerance need thousands of questions, for a choice that hardly matters.

Corrections. Arms are tested in an order that was fixed before the scores were seen, so that the order needs none
(Maurer, Hothorn and Lehmacher, 1995): if an arm is reached, all cheaper ones are shown not to be the best, and the best
is among the dearer ones. So an arm is held against the dearer ones only, and the tests for it are adjusted for their
number: a false passing over, of any arm, has a chance of (1 - level) / 2 at most. "It loses no more than b against
every other arm" holds if it holds against the best one, so the bound needs no correction for the number of rivals
(intersection-union: Berger, Technometrics 24, 1982). But bounds of several arms could have been stated: after j arms
that were passed over it is given at the level (1 - level) / 2 / (1 + j / 2), plain for the cheapest arm. Simulated, six
arms of which five lose equally had a wrong bound in up to 6.4% of the cases when it was always plain, in 4.5% with this
division, and in 4.0% with (1 + j), which decides less often.

The arm that is advised meanwhile is chosen by its bound, so its bound is given at the level divided by the number of
arms that it is chosen from (Bonferroni).

Costs that are close are equal: the better-looking arm goes first. That looks at the scores, so the other arms of the
same cost count among the j.

Costs are taken as known. Several needs are several questions: the level holds for each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, isfinite
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from instill.errors import UsageError
from instill.measure.statistics.cheapest_said import sentence
from instill.measure.statistics.comparing import Table
from instill.measure.statistics.grouped_mean_interval import not_above, upper_limits
from instill.measure.statistics.grouping import check_between
from instill.measure.statistics.interval_type import Interval
from instill.measure.statistics.multiple_comparisons import holm

Numbers = NDArray[np.float64]
Relation = Literal["worse", "within", "open"]

_LUCK = 0.8  # the chance that so many questions decide
_FUTILE = 100  # times the questions that there are: more would hardly help,
_MANY = 2_000  # unless so many would do: five questions are soon a hundred times as many
_EDGE = 1e-9
_NEARLY_ALL = 0.9  # An arm that may lose so much is not advised.

CLOSE = 0.2
"""Costs that differ by less than this share are equal: measured again they may stand the other way round."""


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
        loss: the rival's lead (below 0 where this arm leads all), with its plain interval.
        outcome: "worse": some arm is proven to lead it by what counts; "within": its loss is shown to be acceptable;
            else "open".
    """

    arm: str
    cost: Cost
    score: float
    rival: str
    loss: Interval
    outcome: Relation


@dataclass(frozen=True, slots=True)
class Cheapest:
    """The recommendation for one need.

    Args:
        tolerance: a loss up to it is no reason to pay more.
        acceptable: the largest bound with which the need is decided.
        arm: the cheapest that is not shown to be worse.
        bound: what choosing it can cost at most, of the score; 0 where it is shown to be the best.
        against: the arm that may be better by that; None where none can.
        passed: cheaper arms that are shown to be worse.
        beaten: all arms than which it is proven to be better.
        decided: whether the bound is acceptable.
        meanwhile: where it is not, the arm to use until more questions decide; None where none can be advised.
        meanwhile_bound: what that one can lose at most; None without one.
        needed: about how many questions in all would decide in 8 of 10 cases if the scores stay; 0 when it is decided,
            None when more would hardly help.
        standings: from the cheapest on.
        said: a sentence for people.
    """

    need: str
    tolerance: float
    acceptable: float
    questions: int
    arm: str
    bound: float
    against: str | None
    passed: tuple[str, ...]
    beaten: tuple[str, ...]
    decided: bool
    meanwhile: str | None
    meanwhile_bound: float | None
    needed: int | None
    standings: tuple[Standing, ...]
    said: str

    def standing(self, arm: str) -> Standing:
        """That of one arm."""
        return next(each for each in self.standings if each.arm == arm)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        plain = (
            "need",
            "tolerance",
            "acceptable",
            "questions",
            "arm",
            "bound",
            "against",
            "decided",
            "meanwhile",
            "meanwhile_bound",
            "needed",
            "said",
        )
        return {
            **{name: getattr(self, name) for name in plain},
            "passed": list(self.passed),
            "beaten": list(self.beaten),
            "standings": [
                {
                    "arm": each.arm,
                    "money": each.cost.money,
                    "seconds": each.cost.seconds,
                    "score": each.score,
                    "rival": each.rival,
                    "loss": {"mean": each.loss.mean, "low": each.loss.low, "high": each.loss.high},
                    "outcome": each.outcome,
                }
                for each in self.standings
            ],
        }


def cheapest(
    table: Table,
    costs: Mapping[str, Cost],
    *,
    tolerance: float,
    acceptable: float | None = None,
    need: str = "",
    by: Literal["money", "seconds"] = "money",
    level: float = 0.95,
) -> Cheapest:
    """The cheapest arm that is not shown to be worse than the best; see above.

    Args:
        table: scores of the arms for this need.
        costs: of each arm, for this need.
        tolerance: share of right answers that is not worth paying for, above 0, below 1.
        acceptable: share that may be lost at most, from the tolerance on; None: three times the tolerance.
        by: what is cheap; where that is close (`CLOSE`), the other counts, then the score.
        level: of the intervals.

    Raises:
        UsageError: an arm has no cost, a cost is no number from 0 on, or a setting is out of its range.

    Example:
        >>> rows = {"base": [0.0] * 90 + [1.0] * 10, "retrieval": [1.0] * 95 + [0.0] * 5}
        >>> table = Table.of(rows, [str(number) for number in range(100)])
        >>> found = cheapest(table, {"base": Cost(0, 1), "retrieval": Cost(0, 2)}, tolerance=0.05)
        >>> print(found.said)
        "retrieval": proven better than "base", which is cheaper.
    """
    limit = min(3 * tolerance, (1 + tolerance) / 2) if acceptable is None else acceptable
    check_between(tolerance, "tolerance")
    check_between(limit, "acceptable loss", low=tolerance - _EDGE)
    check_between(level, "level")
    _check_costs(table, costs)
    classes = cost_classes(table, costs, by)
    order = tuple(arm for each in classes for arm in each)
    table = Table(order, table.scores[[table.arms.index(arm) for arm in order]], table.groups)
    chance = (1 - level) / 2
    pairs = _Pairs(table, tolerance, chance)
    place = pairs.first_not_worse()
    looked_at = place + next(len(each) for each in classes if order[place] in each) - 1
    own_chance = chance / (1 + looked_at / 2)
    bound, against = pairs.bound(place, own_chance)
    decided = bound <= limit + _EDGE
    standings = _standings(pairs, costs, limit, place)
    arm = order[place]
    meanwhile, meanwhile_bound = (None, None) if decided else pairs.meanwhile(place, own_chance, limit)
    if meanwhile == arm:
        meanwhile_bound = bound
    needed = 0 if decided else _needed(pairs, place, limit)
    beaten = pairs.beaten(place)
    found = Cheapest(
        need,
        tolerance,
        limit,
        table.questions,
        arm,
        bound,
        against,
        order[:place],
        beaten,
        decided,
        meanwhile,
        meanwhile_bound,
        needed,
        standings,
        "",
    )
    return replace(found, said=sentence(found))


def cost_classes(
    table: Table, costs: Mapping[str, Cost], by: Literal["money", "seconds"] = "money"
) -> list[tuple[str, ...]]:
    """The arms from the cheapest on, those together that cost about the same, of these the better first.

    What is cheap counts first; where that is close, the other.

    Example:
        >>> table = Table.of({"a": [0.0], "b": [1.0], "c": [1.0]}, ["q"])
        >>> cost_classes(table, {"a": Cost(0, 1.0), "b": Cost(0, 1.1), "c": Cost(0, 2.0)})
        [('b', 'a'), ('c',)]
    """
    means = dict(zip(table.arms, table.scores.mean(axis=1), strict=True))
    first = _close(table.arms, lambda arm: _price(costs[arm], by)[0])
    both = [other for each in first for other in _close(each, lambda arm: _price(costs[arm], by)[1])]
    return [tuple(sorted(each, key=lambda arm: -means[arm])) for each in both]


def _close(arms: Sequence[str], cost: Callable[[str], float]) -> list[list[str]]:
    """In their order, each with those that cost more by less than `CLOSE`."""
    found: list[list[str]] = []
    for arm in sorted(arms, key=cost):
        if found and cost(arm) <= cost(found[-1][0]) * (1 + CLOSE) + _EDGE:
            found[-1].append(arm)
        else:
            found.append([arm])
    return found


class _Pairs:
    """All leads of one arm over another, at once.

    Args:
        table: its arms from the cheapest on.
        chance: of one side of an interval.

    Attributes:
        means, highs, counts, zeros: `(arms, arms)`, of the second's lead over the first: as measured, its upper end,
            and the p-values of "half the tolerance at most" and "nothing".
    """

    def __init__(self, table: Table, tolerance: float, chance: float) -> None:
        self.table, self.tolerance, self.chance = table, tolerance, chance
        number = len(table.arms)
        self.places = [(one, other) for one in range(number) for other in range(number) if one != other]
        self.means, self.highs = np.zeros((number, number)), np.zeros((number, number))
        self.counts, self.zeros = np.ones((number, number)), np.ones((number, number))
        if self.places:
            at, leads = tuple(np.array(self.places).T), self.leads(self.places)
            self.means[at] = leads.mean(axis=1)
            self.highs[at] = upper_limits(leads, table.groups, chance=chance)
            self.counts[at] = not_above(leads, table.groups, tolerance / 2)
            self.zeros[at] = not_above(leads, table.groups, 0.0)

    def leads(self, places: Sequence[tuple[int, int]]) -> Numbers:
        """`(pairs, questions)`."""
        ones, others = np.array(places).T
        found: Numbers = self.table.scores[others] - self.table.scores[ones]
        return found

    def worse(self, place: int, rivals: Sequence[int]) -> bool:
        """Whether one of these is proven to lead the arm by what counts."""
        far = self.means[place, rivals] > self.tolerance + _EDGE
        return bool(far.any() and (far & (holm(self.counts[place, rivals]) <= self.chance)).any())

    def first_not_worse(self) -> int:
        """The place of the first arm that is not passed over; the last one has no dearer one."""
        number = len(self.table.arms)
        return next(
            place for place in range(number) if place == number - 1 or not self.worse(place, range(place + 1, number))
        )

    def bound(self, place: int, chance: float) -> tuple[float, str | None]:
        """What the arm can lose at most against the dearer ones, and against which."""
        rivals = range(place + 1, len(self.table.arms))
        if not rivals:
            return 0.0, None
        highs = self.highs[place, rivals]
        if chance < self.chance:
            leads = self.leads([(place, rival) for rival in rivals])
            highs = upper_limits(leads, self.table.groups, chance=chance)
        highest = int(highs.argmax())
        bound = max(0.0, float(highs[highest]))
        return bound, self.table.arms[rivals[highest]] if bound else None

    def meanwhile(self, named: int, chance: float, acceptable: float) -> tuple[str | None, float | None]:
        """The arm to use until more questions decide, of those that are not passed over, and what it can lose at most.

        Args:
            chance: of one side of the named arm's interval.
        """
        number = len(self.table.arms)
        scores = self.table.scores.mean(axis=1)
        lowest = scores.min() if np.ptp(scores) > _EDGE else -1.0
        chosen_from = [place for place in range(named, number) if scores[place] > max(lowest, 0.0) + _EDGE]
        chance = min(chance, self.chance / (number - named))
        bounds = {place: self._most_lost(place, chance) for place in chosen_from}
        shown = [place for place in chosen_from if bounds[place] <= acceptable + _EDGE]
        if shown:
            found = shown[0]
        elif bounds and min(bounds.values()) < _NEARLY_ALL:
            found = min(
                chosen_from, key=lambda place: (round(bounds[place], 9), -round(float(scores[place]), 9), place)
            )
        else:
            return None, None
        return self.table.arms[found], bounds[found]

    def _most_lost(self, place: int, chance: float) -> float:
        """What the arm can lose at most against any other one."""
        leads = self.leads([(place, other) for other in range(len(self.table.arms)) if other != place])
        return max(0.0, float(upper_limits(leads, self.table.groups, chance=chance).max()))

    def beaten(self, place: int) -> tuple[str, ...]:
        """The arms than which it is proven to be better: by Holm, over all comparisons with it."""
        others = [other for other in range(len(self.table.arms)) if other != place]
        proven = holm(self.zeros[others, place]) <= self.chance
        return tuple(self.table.arms[other] for other, yes in zip(others, proven, strict=True) if yes)


def _standings(pairs: _Pairs, costs: Mapping[str, Cost], acceptable: float, named: int) -> tuple[Standing, ...]:
    table, found = pairs.table, []
    for place, arm in enumerate(table.arms):
        score = float(table.scores[place].mean())
        others = [other for other in range(len(table.arms)) if other != place]
        if not others:
            found.append(Standing(arm, costs[arm], score, arm, Interval(0.0, 0.0, 0.0), "within"))
            continue
        rival = others[int(pairs.means[place, others].argmax())]
        loss = Interval(*(float(each) for each in _interval(pairs, place, rival)))
        outcome: Relation = "open"
        if place < named or (place > named and pairs.worse(place, others)):
            outcome = "worse"
        elif (pairs.highs[place, others] <= acceptable + _EDGE).all():
            outcome = "within"
        found.append(Standing(arm, costs[arm], score, table.arms[rival], loss, outcome))
    return tuple(found)


def _interval(pairs: _Pairs, place: int, rival: int) -> tuple[float, float, float]:
    """A lead turned round is the other arm's."""
    return pairs.means[place, rival], -pairs.highs[rival, place], pairs.highs[place, rival]


def _needed(pairs: _Pairs, named: int, acceptable: float) -> int | None:
    """About how many questions decide: arms are shown to be worse from the named one on, up to the first that stays."""
    number, times, asked = len(pairs.table.arms), 1.0, pairs.table.questions
    for place in range(named, number - 1):
        rivals = range(place + 1, number)
        means, highs = pairs.means[place, rivals], pairs.highs[place, rivals]
        lows = -pairs.highs[rivals, place]
        far = means > pairs.tolerance + _EDGE
        worse = _times(means - lows, means - pairs.tolerance / 2, pairs.chance, pairs.chance / len(rivals))[far]
        stays = _times(highs - means, acceptable - means, pairs.chance, pairs.chance / (1 + place / 2)).max()
        times = max(times, min([float(stays), *map(float, worse)]))
        if all(stays <= each for each in worse):
            break
    return ceil(asked * times) if times <= max(_FUTILE, _MANY / asked) else None


def _times(halves: Numbers, distances: Numbers, had: float, wanted: float) -> Numbers:
    """How many times the questions it takes until each half of an interval comes down to the distance.

    It shrinks with the root of their number; for the chance `_LUCK` it must come down a bit more: by the ratio of the
    quantiles (z_b + z_c) / z_a, with the levels a that the halves have and b that is wanted, as in `power`.
    """
    sides = [NormalDist().inv_cdf(1 - each) for each in (had, wanted)]
    ratio = (sides[1] + NormalDist().inv_cdf(_LUCK)) / sides[0]
    found: Numbers = np.where(distances > _EDGE, (ratio * halves / np.maximum(distances, _EDGE)) ** 2, np.inf)
    return np.maximum(found, 1.0)


def _price(cost: Cost, by: Literal["money", "seconds"]) -> tuple[float, float]:
    return (cost.money, cost.seconds) if by == "money" else (cost.seconds, cost.money)


def _check_costs(table: Table, costs: Mapping[str, Cost]) -> None:
    for arm in table.arms:
        if arm not in costs:
            raise UsageError("The arm has no cost.", where=arm, remedy="Give money and seconds for each arm.")
        for value in (costs[arm].money, costs[arm].seconds):
            if not isfinite(value) or value < 0:
                raise UsageError(f"{value:g} is not a cost.", where=arm, remedy="Give a number from 0 on.")
