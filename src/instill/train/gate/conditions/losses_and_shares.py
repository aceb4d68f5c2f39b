"""What the sections share: a change of a score, or a share of the replies, held against its tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from instill.common.plurals import counted
from instill.measure.statistics.exact_share import share_interval
from instill.measure.statistics.interval_type import Interval
from instill.train.gate.decision_rules import LEVEL, Decision, loss_outcome, paired, rows_for_loss, rows_for_share
from instill.train.gate.rows import GateRows
from instill.train.gate.scores_of_rows import scores
from instill.train.gate.scoring import Scoring
from instill.train.gate.sentences import loss_sentence, share_sentence
from instill.train.gate.verdict import Condition, not_checked

if TYPE_CHECKING:
    from instill.train.gate.probes import Probe  # torch, which a comparison without training does not need


def changed_score(
    name: str,
    noun: str,
    base: Probe,
    candidate: Probe,
    rows: GateRows,
    tolerance: float,
    scoring: Scoring,
    *,
    sign: Literal[-1, 1],
    level: float = LEVEL,
) -> Condition:
    """A score that may not drop (`sign` -1), or may not rise (1)."""
    before, after = (scores(probe, rows.asking, scoring) for probe in (base, candidate))
    return loss(name, noun, before, after, rows.asking.groups, tolerance, sign=sign, level=level)


def loss(
    name: str,
    noun: str,
    before: Sequence[float],
    after: Sequence[float],
    groups: Sequence[str],
    tolerance: float,
    *,
    sign: int,
    level: float,
) -> Condition:
    """What differs between `after` and `before`, by row; with `sign` -1 a drop is the loss, with 1 a rise. Where the
    base has nothing that could drop, nothing is checked."""
    differences = [sign * each for each in minus(after, before)]
    found = paired(differences, groups, level=level)
    outcome = loss_outcome(found, tolerance)
    if sign < 0 and outcome == "passed" and not any((*before, *after)):
        why = f"{noun} cannot show: base and candidate score 0 on all of the {counted(len(before), 'row')}."
        return not_checked(name, why, limit=tolerance, rows=len(before))
    needed = rows_for_loss(differences, tolerance, groups, level=level) if outcome == "undecided" else 0
    sides = fmean(before), fmean(after)
    return loss_condition(name, noun, found, tolerance, outcome, len(differences), needed, sides)


def loss_condition(
    name: str,
    noun: str,
    found: Interval,
    tolerance: float,
    outcome: Decision,
    rows: int,
    needed: int,
    sides: Sequence[float],
    ruled_out: float | None = None,
) -> Condition:
    """The condition of a loss that is already decided."""
    said = loss_sentence(noun, found, tolerance, outcome, rows, needed, sides, ruled_out=ruled_out)
    return Condition(name, outcome, found, tolerance, said, rows, needed, *sides)


def share_condition(name: str, noun: str, bad: int, rows: int, tolerance: float, level: float) -> Condition:
    """At most the share `tolerance` of the replies may be bad."""
    found = share_interval(bad, rows, level=level)
    outcome = loss_outcome(found, tolerance)
    needed = rows_for_share(bad, rows, tolerance, level=level) if outcome == "undecided" else 0
    said = share_sentence(noun, bad, rows, found, tolerance, outcome, needed)
    return Condition(name, outcome, found, tolerance, said, rows, needed, after=found.mean)


def minus(left: Sequence[float], right: Sequence[float]) -> list[float]:
    """Row by row."""
    return [one - other for one, other in zip(left, right, strict=True)]
