"""Section [reading]: the candidate still answers from a passage in the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instill.train.gate.conditions.losses_and_shares import changed_score
from instill.train.gate.decision_rules import LEVEL
from instill.train.gate.rows import GateRows
from instill.train.gate.scoring import Scoring
from instill.train.gate.verdict import Condition

if TYPE_CHECKING:
    from instill.train.gate.probes import Probe  # torch, which a comparison without training does not need


def reading(
    base: Probe, candidate: Probe, rows: GateRows, drop: float, scoring: Scoring, *, level: float = LEVEL
) -> Condition:
    """The score in reading may not drop."""
    noun = "The drop of the score in reading"
    return changed_score("reading", noun, base, candidate, rows, drop, scoring, sign=-1, level=level)
