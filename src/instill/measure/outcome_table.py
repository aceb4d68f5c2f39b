"""From outcomes to the table of scores that the statistics read."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from instill.errors import UsageError
from instill.measure.outcomes import Outcome
from instill.measure.statistics.comparing import Table


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The questions that all arms were asked.

    Args:
        table: None where there are none.
        left_out: questions that some arms were asked, but not all; a run that is not finished has some.
    """

    table: Table | None
    left_out: int


def outcome_table(outcomes: Iterable[Outcome], tasks: Collection[str], *, without: Collection[str] = ()) -> Asked:
    """What the arms scored (`right`) on the questions of these tasks.

    An arm that was asked none of them has no row. Questions are sorted by task and item.

    Args:
        without: arms that are left out.

    Raises:
        UsageError: an arm has two rows for one question, or a question has two groups.

    Example:
        >>> row = Outcome("q1", "retrieval", "f1", "facts", "?", ("a",), "a", "correct", 1, 1, 1, 1, 1, 1, 9, 1, 0, "p")
        >>> outcome_table([row], ["facts"]).table.arms
        ('retrieval',)
    """
    scores: dict[str, dict[tuple[str, str], float]] = {}
    groups: dict[tuple[str, str], str] = {}
    for row in outcomes:
        if row.task not in tasks or row.arm in without:
            continue
        key, of_arm = (row.task, row.item), scores.setdefault(row.arm, {})
        if key in of_arm or groups.setdefault(key, row.group) != row.group:
            raise UsageError(
                "A question stands twice among the outcomes of an arm, or belongs to two groups.",
                where=f"{row.arm}, {row.task}, {row.item}",
                remedy="Remove one of its rows, or compare again.",
            )
        of_arm[key] = row.right
    kept = [key for key in sorted(groups) if all(key in of_arm for of_arm in scores.values())]
    if not kept:
        return Asked(None, len(groups))
    rows = {arm: [of_arm[key] for key in kept] for arm, of_arm in scores.items()}
    return Asked(Table.of(rows, [groups[key] for key in kept]), len(groups) - len(kept))
