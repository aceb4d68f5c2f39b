"""Section [gain]: the candidate is better than the base at what it was trained for."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from instill.train.gate.conditions.losses_and_shares import minus
from instill.train.gate.decision_rules import LEVEL, gain_outcome, paired, rows_for_gain
from instill.train.gate.rows import GateRows
from instill.train.gate.scores_of_rows import scores
from instill.train.gate.scoring import Scoring
from instill.train.gate.sentences import gain_sentence
from instill.train.gate.verdict import Condition

if TYPE_CHECKING:
    from instill.train.gate.probes import Probe  # torch, which a comparison without training does not need


def gain(
    base: Probe, candidate: Probe, rows: GateRows, at_least: float, scoring: Scoring, *, level: float = LEVEL
) -> Condition:
    """Better than the base by more than `at_least`, proven."""
    before, after = (scores(probe, rows.asking, scoring) for probe in (base, candidate))
    differences = minus(after, before)
    groups = rows.asking.groups
    found = paired(differences, groups, level=level)
    outcome = gain_outcome(found, at_least, level=level)
    needed = rows_for_gain(differences, at_least, groups, level=level) if outcome == "undecided" else 0
    sides = fmean(before), fmean(after)
    many = len(set(groups))
    said = gain_sentence(found, at_least, outcome, len(differences), needed, sides, groups=many, level=level)
    return Condition("gain", outcome, found, at_least, said, len(differences), needed, *sides)
