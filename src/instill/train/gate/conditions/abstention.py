"""Section [abstention]: the candidate refuses what has no answer, and only that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from instill.measure.judging.refusals import is_refusal
from instill.train.gate.conditions.losses_and_shares import loss
from instill.train.gate.decision_rules import LEVEL
from instill.train.gate.rows import GateRows
from instill.train.gate.scores_of_rows import refused
from instill.train.gate.verdict import Condition, not_checked

if TYPE_CHECKING:
    from instill.train.gate.probes import Probe  # torch, which a comparison without training does not need


def kept_abstention(
    base: Probe, candidate: Probe, rows: GateRows, phrases: Sequence[str], tolerance: float, *, level: float = LEVEL
) -> Condition:
    """What is rightly refused may not become less."""
    before, after = (refused(probe, rows.asking, phrases) for probe in (base, candidate))
    noun = "The drop of the share of questions without an answer that is refused"
    return loss("abstention.kept", noun, before, after, rows.asking.groups, tolerance, sign=-1, level=level)


def over_refusal(
    base: Probe,
    candidate: Probe,
    answerable: Sequence[GateRows],
    phrases: Sequence[str],
    tolerance: float,
    *,
    level: float = LEVEL,
) -> Condition:
    """What is wrongly refused may not become more."""
    before: list[float] = []
    after: list[float] = []
    groups: list[str] = []
    for rows in answerable:
        places = [
            place
            for place, accepted in enumerate(rows.asking.accepted)
            if not any(is_refusal(answer, phrases) for answer in accepted)
        ]
        for side, probe in ((before, base), (after, candidate)):
            found = refused(probe, rows.asking, phrases)
            side += [found[place] for place in places]
        groups += rows.asking.some(places).groups
    if not groups:
        why = "None of the rows of [gain] and [reading] can be answered, so that none could be refused wrongly."
        return not_checked("abstention.over_refusal", why, limit=tolerance)
    noun = "The rise of the share of answerable questions that is refused"
    return loss("abstention.over_refusal", noun, before, after, groups, tolerance, sign=1, level=level)
