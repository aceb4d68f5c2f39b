"""What the report shows of the scores: by task and arm, and how a task differs from plain questions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from instill.measure.outcome_table import outcome_table
from instill.measure.outcomes import Outcome
from instill.measure.statistics.grouped_mean_interval import group_interval
from instill.measure.statistics.interval_type import Interval

TASKS = (
    "facts",
    "paraphrase",
    "reverse",
    "two documents",
    "unanswerable",
    "format",
    "tone",
    "freshness",
    "conflict",
    "noise",
    "contradiction",
    "control",
)
"""In the order of the report; others follow."""

BESIDE = {
    "paraphrase": "The same facts, asked in other words than those seen in training.",
    "reverse": "The same facts, asked from the other end: the value is given, and who or what has it is asked.",
    "two documents": "Questions whose answer needs two documents.",
    "noise": "The same facts, with irrelevant passages mixed in.",
    "contradiction": (
        "The same facts, with the right passage and a changed copy of it that says something else; right is what the "
        "original says. A quotation that shows both counts, since it names both documents."
    ),
    "conflict": "The documents contradict what the model believes; right is the answer of the documents.",
    "control": "Facts of the same kind that no arm was taught. A right answer without passages is luck or a leak.",
}
"""Tasks that are held beside plain questions on facts, and what each of them is."""

CONFLICTS = (
    "A document says something else than an arm's model believes; each arm is asked what its own model believes."
)
"""What the table of winners is about."""


@dataclass(frozen=True, slots=True)
class TaskScores:
    """One task.

    Args:
        questions: that all of these arms were asked.
        left_out: questions that some of them were not asked.
        scores: with 95% intervals, in the order of the arms.
    """

    task: str
    questions: int
    left_out: int
    scores: Mapping[str, Interval]


def scores_by_task(
    outcomes: Sequence[Outcome], fewer: Callable[[str], Collection[str]] = lambda _: ()
) -> list[TaskScores]:
    """Each task that was asked, in the order of `TASKS`.

    Args:
        fewer: of a task, the arms that were out early; they are scored on what they were asked.

    Example:
        >>> row = Outcome("q1", "retrieval", "f1", "tone", "?", ("a",), "a", "correct", 1, 1, 1, None, None, .1, 9, 1, 0, "p")
        >>> [(each.task, each.questions) for each in scores_by_task([row])]
        [('tone', 1)]
    """  # noqa: E501 - a row as it is written
    names = dict.fromkeys(row.task for row in outcomes)
    found = []
    for task in [*(each for each in TASKS if each in names), *(each for each in names if each not in TASKS)]:
        out = fewer(task)
        asked = outcome_table(outcomes, (task,), without=out)
        table = asked.table
        scores = {} if table is None else {arm: table.score(arm) for arm in table.arms}
        for arm in out:
            own = outcome_table([row for row in outcomes if row.arm == arm], (task,)).table
            if own is not None:
                scores[arm] = own.score(arm)
        found.append(TaskScores(task, 0 if table is None else table.questions, asked.left_out, scores))
    return found


def against_facts(outcomes: Sequence[Outcome], task: str) -> dict[str, Interval]:
    """Of each arm: its score on this task less that on plain questions about the same facts; paired by fact.

    Each fact counts once. Arms for which no fact has both are left out.
    """
    sums: dict[str, dict[str, dict[str, list[float]]]] = {}
    for row in outcomes:
        if row.task in (task, "facts"):
            sums.setdefault(row.arm, {}).setdefault(row.group, {}).setdefault(row.task, []).append(row.right)
    found = {}
    for arm, groups in sums.items():
        differences = {
            group: sum(each[task]) / len(each[task]) - sum(each["facts"]) / len(each["facts"])
            for group, each in groups.items()
            if len(each) == 2
        }
        if differences:
            found[arm] = group_interval(list(differences.values()), list(differences))
    return found
