"""Section [text]: the replies are sound text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING

from instill.train.gate.conditions.damaged_reply import TAIL, far_below, fault_of, special_marks
from instill.train.gate.conditions.losses_and_shares import share_condition
from instill.train.gate.decision_rules import LEVEL
from instill.train.gate.rows import GateRows
from instill.train.gate.verdict import Condition

if TYPE_CHECKING:
    from instill.train.gate.probes import Probe  # torch, which a comparison without training does not need


def sound_text(
    base: Probe, candidate: Probe, asked: Sequence[GateRows], tolerance: float, *, level: float = LEVEL
) -> Condition:
    """The share of replies that are empty, run in circles, end in garbage, are random, or show the chat format."""
    found: Counter[str] = Counter()
    count = 0
    for rows in asked:
        faults = _faults(base, candidate, rows.asking)
        found.update(fault for fault in faults if fault)
        count += len(faults)
    each = ", ".join(f"{number} {fault}" for fault, number in found.most_common())
    noun = "replies are damaged text" + (f" ({each})" if each else "")
    return share_condition("text", noun, found.total(), count, tolerance, level)


def _faults(base: Probe, candidate: Probe, rows: GateRows) -> list[str]:
    """What is wrong with each of the candidate's replies, "" for nothing; not where the right answer is so too."""
    said = candidate.replies(rows)
    answered = [place for place, accepted in enumerate(rows.accepted) if accepted]
    known = rows.some(answered)
    unlikely = [False] * len(said)
    for last in (None, TAIL):
        wanted = base.likelihoods_of(known, [accepted[0] for accepted in known.accepted], last=last)
        far = far_below(base.likelihoods_of(rows, said, last=last), [each for each in wanted if not isnan(each)])
        unlikely = [one or other for one, other in zip(unlikely, far, strict=True)]
    marks = special_marks(candidate.tokenizer)
    return [
        fault_of(reply, accepted, marks=marks) or ("random" if far else "")
        for far, reply, accepted in zip(unlikely, said, rows.accepted, strict=True)
    ]
