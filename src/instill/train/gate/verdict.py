"""What a gate says. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

from instill.measure.statistics.interval_type import Interval
from instill.train.gate.decision_rules import Decision


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.

    Args:
        name: section and what of it: "forgetting.kl".
        outcome: "undecided" does not pass. "not checked" neither passes nor keeps a candidate back; `said` says why.
        measured: gain, drop, rise, divergence or share, with its 95% interval.
        limit: what it is held against, in the same unit.
        said: a sentence for people.
        rows: how many rows it was measured on.
        needed: where undecided, how many would decide; else 0.
        before, after: the same quantity on base and candidate, where there are two.
    """

    name: str
    outcome: Decision
    measured: Interval
    limit: float
    said: str
    rows: int
    needed: int = 0
    before: float | None = None
    after: float | None = None

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"

    @property
    def missed(self) -> bool:
        """Whether it keeps a candidate back."""
        return self.outcome in ("failed", "undecided")

    def as_dict(self) -> dict[str, Any]:
        """For a candidate's card; a number that is none (of a broken model) is null."""
        measured = {"mean": self.measured.mean, "low": self.measured.low, "high": self.measured.high}
        return {
            "name": self.name,
            "passed": self.passed,
            "measured": {key: value if isfinite(value) else None for key, value in measured.items()},
            "limit": self.limit,
            "said": self.said,
            "outcome": self.outcome,
            "rows": self.rows,
            "needed": self.needed,
        }


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """All conditions; passed when none is missed, and one at least was checked."""

    conditions: tuple[Condition, ...]

    @property
    def passed(self) -> bool:
        return not self.reasons

    @property
    def reasons(self) -> list[str]:
        """Why it did not pass, a sentence each."""
        missed = [condition.said for condition in self.conditions if condition.missed]
        if missed or any(condition.passed for condition in self.conditions):
            return missed
        return [condition.said for condition in self.conditions]

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """What was measured on the base ("before") and on the candidate ("after"), by the conditions' names."""
        sides: dict[str, dict[str, float]] = {"before": {}, "after": {}}
        for condition in self.conditions:
            for side, value in (("before", condition.before), ("after", condition.after)):
                if value is not None and isfinite(value):
                    sides[side][condition.name] = value
        return sides

    def as_dict(self) -> dict[str, Any]:
        """`passed` and `conditions`, for a candidate's card."""
        return {"passed": self.passed, "conditions": [condition.as_dict() for condition in self.conditions]}


def not_checked(name: str, why: str, *, limit: float = 0.0, rows: int = 0) -> Condition:
    """A condition that there was nothing to check on.

    Args:
        why: a sentence.
        rows: that there were, though they could show nothing.

    Example:
        >>> found = not_checked("controls", "The documents tell no other facts.")
        >>> found.passed, found.missed, found.said
        (False, False, 'Not checked: The documents tell no other facts.')
        >>> GateVerdict((found,)).reasons
        ['Not checked: The documents tell no other facts.']
    """
    return Condition(name, "not checked", Interval(0.0, 0.0, 0.0), limit, f"Not checked: {why}", rows)
