"""Counts which answers the model wrote and which are quoted, for each arm that asks it as `instill ask` does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from instill.compare.report.types import Writers
from instill.compare.stored_outcomes import Recorded


def count_writers(records: Iterable[Recorded], arms: Sequence[str]) -> list[Writers]:
    """Of each of these arms that answered anything.

    Args:
        records: of all arms.
        arms: which answer as `instill ask` does, with a generator.
    """
    own: dict[str, list[str]] = {arm: [] for arm in arms}
    for each in records:
        if each.outcome.arm in own:
            own[each.outcome.arm].append(_kind(each))
    names = ("written", "unproved", "unasked", "refused", "failed")
    return [Writers(arm, len(kinds), *(kinds.count(name) for name in names)) for arm, kinds in own.items() if kinds]


def _kind(recorded: Recorded) -> str:
    outcome = recorded.outcome
    if recorded.error:
        return "failed"
    if outcome.kind == "abstained":
        return "refused"
    if not outcome.quoted:
        return "written"
    return "unproved" if outcome.tokens_in else "unasked"
