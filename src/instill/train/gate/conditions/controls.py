"""Section [controls]: what was never taught is not answered better than before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instill.train.gate.conditions.losses_and_shares import changed_score
from instill.train.gate.decision_rules import LEVEL
from instill.train.gate.rows import GateRows
from instill.train.gate.scoring import Scoring
from instill.train.gate.verdict import Condition

if TYPE_CHECKING:
    from instill.train.gate.probes import Probe  # torch, which a comparison without training does not need


def controls(
    base: Probe, candidate: Probe, rows: GateRows, rise: float, scoring: Scoring, *, level: float = LEVEL
) -> Condition:
    """The score on what was never taught may not rise."""
    noun = "The rise of the score on what was never taught"
    return changed_score("controls", noun, base, candidate, rows, rise, scoring, sign=1, level=level)
