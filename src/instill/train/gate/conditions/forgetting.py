"""Section [forgetting]: what the base could do before is not lost.

The score, the perplexity and the divergence from the base, each where the section sets a tolerance for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, isfinite, log1p
from typing import TYPE_CHECKING

from instill.measure.statistics.interval_type import Interval
from instill.train.gate.conditions.losses_and_shares import changed_score, loss_condition, minus
from instill.train.gate.decision_rules import FEWEST, LEVEL, SLACK, Decision, loss_outcome, per_token, rows_for_tokens
from instill.train.gate.rows import GateRows
from instill.train.gate.scoring import Scoring
from instill.train.gate.specification import Forgetting
from instill.train.gate.verdict import Condition

if TYPE_CHECKING:
    from instill.train.gate.probes import Probe  # torch, which a comparison without training does not need

_LARGEST = 50.0  # Nats; exp of much more is no number any longer.


def forgetting(
    base: Probe, candidate: Probe, rows: GateRows, wanted: Forgetting, scoring: Scoring, *, level: float = LEVEL
) -> Iterable[Condition]:
    """Each condition of the section that has a tolerance."""
    if wanted.accuracy_drop is not None:
        noun = "The drop of the score on the retention rows"
        yield changed_score(
            "forgetting.accuracy", noun, base, candidate, rows, wanted.accuracy_drop, scoring, sign=-1, level=level
        )
    yield from _forgotten_tokens(base, candidate, rows, wanted, level)


def _forgotten_tokens(
    base: Probe, candidate: Probe, rows: GateRows, wanted: Forgetting, level: float
) -> Iterable[Condition]:
    """Perplexity and divergence, over the supervised tokens of rows and texts."""
    if wanted.perplexity_rise is not None:
        before, after = base.log_likelihoods(rows), candidate.log_likelihoods(rows)
        counts = [count for _, count in before]
        lost = per_token(
            minus([total for total, _ in before], [total for total, _ in after]), counts, rows.groups, level=level
        )
        outcome, needed = _token_outcome(lost, log1p(wanted.perplexity_rise), counts)
        risen = Interval(*(exp(min(each, _LARGEST)) - 1 for each in (lost.mean, lost.low, lost.high)))
        sides = [exp(min(-_per_token(each), _LARGEST)) for each in (before, after)]
        yield loss_condition(
            "forgetting.perplexity",
            "The rise of the perplexity",
            risen,
            wanted.perplexity_rise,
            outcome,
            len(rows),
            needed,
            sides,
            ruled_out=(1 + wanted.perplexity_rise) ** SLACK - 1,
        )
    if wanted.kl is not None:
        moved = candidate.divergences(base, rows)
        counts = [count for _, count in moved]
        found = per_token([total for total, _ in moved], counts, rows.groups, level=level)
        outcome, needed = _token_outcome(found, wanted.kl, counts)
        noun = "The divergence from the base, in nats per token,"
        yield loss_condition("forgetting.kl", noun, found, wanted.kl, outcome, len(rows), needed, (0.0, found.mean))


def _token_outcome(found: Interval, tolerance: float, counts: Sequence[int]) -> tuple[Decision, int]:
    if not isfinite(found.mean):
        return "failed", 0
    rows = sum(count > 0 for count in counts)
    outcome = loss_outcome(found, tolerance)
    if outcome == "passed" and rows < FEWEST:
        outcome = "undecided"
    return outcome, rows_for_tokens(found, rows, tolerance) if outcome == "undecided" else 0


def _per_token(found: Sequence[tuple[float, int]]) -> float:
    return sum(total for total, _ in found) / max(1, sum(count for _, count in found))
