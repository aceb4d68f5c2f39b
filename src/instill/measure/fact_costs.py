"""What it costs, by arm, to make one more fact answerable; and how many times more than with the cheapest arm.

An arm spends c for one more fact, and a share g of the facts becomes answerable by that: its share of right answers
less that of the model as it is, question by question. One more answerable fact costs c / g. The cost c is one number,
as it was measured; what is uncertain is g, so the interval of c / g is c over the ends of g's.

The ratio of two arms has the two shares' intervals in it, each at the level 1 - (1 - level) / 2, turned to the
unfavourable end: the chance that one of the two misses is at most 1 - level (Bonferroni), so the ratio's interval
holds the truth at least at the level. Where g is not shown to be above 0 there is no upper end, and it is said so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, Literal

from instill.errors import UsageError
from instill.measure.outcomes import Preparation
from instill.measure.statistics.comparing import Table
from instill.measure.statistics.grouped_mean_interval import DIFFERENCE, SCORE, group_interval
from instill.measure.statistics.interval_type import Interval

Unit = Literal["seconds", "money"]

_WORDS: Mapping[Unit, tuple[str, str, str]] = {
    "seconds": ("takes", "as long as", "time"),
    "money": ("costs", "as much as", "money"),
}
"""How a sentence says it: its verb, how much, and of what."""


@dataclass(frozen=True, slots=True)
class FactCost:
    """An arm's cost of one more answerable fact.

    Args:
        gain: share of the questions on facts that the arm gets right beyond the model as it is; None: not measured.
        seconds, money: for one more answerable fact; None: not measured, `why` says why. The upper end is infinite
            where it is not shown that any fact became answerable.
    """

    arm: str
    gain: Interval | None
    seconds: Interval | None
    money: Interval | None
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For `--json`; an infinite end is null."""
        parts = {name: interval_dict(getattr(self, name)) for name in ("gain", "seconds", "money")}
        return {"arm": self.arm, **parts, "why": self.why}


@dataclass(frozen=True, slots=True)
class FactRatio:
    """How many times the cost of `against` one more answerable fact costs with `arm`.

    Args:
        times: None: not measured, `why` says why.
    """

    arm: str
    against: str
    unit: Unit
    times: Interval | None
    why: str = ""

    @property
    def said(self) -> str:
        """A sentence for people.

        Example:
            >>> FactRatio("fine-tuned", "retrieval", "seconds", Interval(243.0, 110.0, 566.0)).said
            '"fine-tuned" takes 243 times [110, 566] as long as "retrieval".'
            >>> FactRatio("fine-tuned", "retrieval", "money", Interval(9.7, 1.32, inf)).said
            '"fine-tuned" costs 9.7 times as much as "retrieval", and 1.32 times at least; no upper limit is shown.'
            >>> FactRatio("closed", "retrieval", "seconds", Interval(1.0, 0.0, inf)).said
            'Whether "closed" takes more time or less than "retrieval" is not shown: there were too few questions.'
        """
        arm, against, times = f'"{self.arm}"', f'"{self.against}"', self.times
        if times is None:
            return f"{arm} against {against}, {self.unit}: not measured, because {self.why}."
        verb, much, what = _WORDS[self.unit]
        if isfinite(times.high):
            between = f"[{_digits(times.low)}, {_digits(times.high)}]"
            return f"{arm} {verb} {_digits(times.mean)} times {between} {much} {against}."
        if times.low >= 1:
            least = f"{_digits(times.low)} times at least; no upper limit is shown"
            return f"{arm} {verb} {_digits(times.mean)} times {much} {against}, and {least}."
        return f"Whether {arm} {verb} more {what} or less than {against} is not shown: there were too few questions."

    def as_dict(self) -> dict[str, Any]:
        """For `--json`; an infinite end is null."""
        return {
            "arm": self.arm,
            "against": self.against,
            "unit": self.unit,
            "times": interval_dict(self.times),
            "why": self.why,
        }


def fact_costs(
    table: Table | None, preparations: Sequence[Preparation], *, base: str | None, level: float = 0.95
) -> list[FactCost]:
    """Of each arm in the table, or of each prepared arm where there is no table.

    Args:
        table: right answers on questions about facts.
        base: the arm that is the model as it is; None: it is taken to know none of the facts.
        level: of the intervals.

    Raises:
        UsageError: an arm has two preparations.

    Example:
        >>> table = Table.of({"closed-book": [0.0] * 100, "retrieval": [1.0] * 100}, [str(n) for n in range(100)])
        >>> (found,) = fact_costs(table, [Preparation("retrieval", 5.0, 0.0, 100, 0.05, 0.0)], base="closed-book")
        >>> print(found.seconds)
        0.050 [0.050, 0.054]
    """
    prepared = by_arm(preparations)
    arms = [arm for arm in (table.arms if table is not None else prepared) if arm != base]
    found = []
    for arm in arms:
        gain = None if table is None else _gain(table, arm, base, level)
        if gain is None:
            found.append(FactCost(arm, None, None, None, "no questions on facts were asked"))
        elif arm not in prepared:
            found.append(FactCost(arm, gain, None, None, "its preparation was not measured"))
        elif gain.mean <= 0:
            found.append(FactCost(arm, gain, None, None, "it makes no more facts answerable than the model as it is"))
        else:
            each = prepared[arm]
            found.append(FactCost(arm, gain, _over(each.seconds_per_fact, gain), _over(each.money_per_fact, gain)))
    return found


def fact_ratios(
    table: Table | None, preparations: Sequence[Preparation], *, base: str | None, level: float = 0.95
) -> list[FactRatio]:
    """Each arm against the one with which one more answerable fact is cheapest, in seconds and in money.

    In a unit that no arm has costs in, there are none.

    Args and Raises: as `fact_costs`.
    """
    wide = {each.arm: each for each in fact_costs(table, preparations, base=base, level=1 - (1 - level) / 2)}
    found = []
    for unit in ("seconds", "money"):
        costs: dict[str, Interval | None] = {arm: getattr(each, unit) for arm, each in wide.items()}
        measured = {arm: cost for arm, cost in costs.items() if cost is not None and cost.mean > 0}
        if not measured:
            continue
        cheapest = min(measured, key=lambda arm: measured[arm].mean)
        for arm in costs:
            if arm == cheapest:
                continue
            if arm in measured:
                found.append(FactRatio(arm, cheapest, unit, _ratio(measured[arm], measured[cheapest])))
            else:
                why = wide[arm].why or f"one more fact costs it no {_WORDS[unit][2]}; what it costs is in its answers"
                found.append(FactRatio(arm, cheapest, unit, None, why))
    return found


def by_arm(preparations: Sequence[Preparation]) -> dict[str, Preparation]:
    """Each arm's preparation.

    Raises:
        UsageError: an arm has two.
    """
    found: dict[str, Preparation] = {}
    for each in preparations:
        if each.arm in found:
            raise UsageError("An arm has two preparations.", where=each.arm, remedy="Give one for each arm.")
        found[each.arm] = each
    return found


def interval_dict(found: Interval | None) -> dict[str, float | None] | None:
    """For `--json`; what is infinite is null."""
    if found is None:
        return None
    ends = {"mean": found.mean, "low": found.low, "high": found.high}
    return {name: value if isfinite(value) else None for name, value in ends.items()}


def _gain(table: Table, arm: str, base: str | None, level: float) -> Interval:
    if base is None or base not in table.arms:
        return group_interval(table.row(arm), table.groups, level=level, scale=SCORE)
    return group_interval(table.row(arm) - table.row(base), table.groups, level=level, scale=DIFFERENCE)


def _over(cost: float, gain: Interval) -> Interval:
    most = 0.0 if not cost else cost / gain.low if gain.low > 0 else inf
    return Interval(cost / gain.mean, cost / gain.high, most)


def _ratio(dear: Interval, cheap: Interval) -> Interval:
    low = dear.low / cheap.high if isfinite(cheap.high) else 0.0
    return Interval(dear.mean / cheap.mean, low, dear.high / cheap.low)


def _digits(number: float) -> str:
    """Three digits that count.

    Example:
        >>> [_digits(each) for each in (1.0, 0.04567, 1286.0, 83.31, 1e9)]
        ['1', '0.0457', '1,290', '83.3', '1,000,000,000']
    """
    rounded = float(f"{number:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"
