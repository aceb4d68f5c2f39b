"""What was not measured, and why; and what a reader should know of how it was measured."""

from __future__ import annotations

from collections import Counter

from instill.compare.report.scores import BESIDE, TaskScores, scores_by_task
from instill.compare.report.types import Report
from instill.measure.verdict import COST

_SHARED = {
    "conflict": (
        "an arm is asked only what its own model believes; more changed facts (--changes) bring more questions for all"
    )
}
"""Why questions of a task are not put to all arms, and what to do; else a run was not finished."""

_WITHOUT = {
    "forgetting": "no trained arm was measured on other skills",
    "time until a changed document is answered": "no document was changed during the comparison",
    "data curves": "run `instill curve` for them",
    "cost of one more answerable fact": "no arm's preparation was measured, or no questions on facts were asked",
}


def not_measured(report: Report) -> dict[str, str]:
    """Each thing with its reason; a reason that was given takes the place of ours.

    Example:
        >>> from instill.measure.verdict import reach_verdict
        >>> not_measured(Report("t", reach_verdict([], []), []))["data curves"]
        'run `instill curve` for them'
    """
    found: dict[str, str] = {}
    for need in report.verdict.needs:
        if need.state == "not measured" and need.need != COST:
            asked_some = "put to all arms" if need.left_out else "asked"
            found[need.need] = f"no question of this kind was {asked_some}"
    tasks = scores_by_task(report.outcomes, report.verdict.fewer)
    asked = {each.task for each in tasks}
    found |= {task: "no question of this kind was asked" for task in BESIDE if task not in asked}
    costs = any(each.seconds is not None for each in report.verdict.fact_costs)
    given = (report.kept, report.refreshes, report.curves, costs)
    found |= {name: why for (name, why), there in zip(_WITHOUT.items(), given, strict=True) if not there}
    for each in tasks:
        if each.left_out:
            noun = "question" if each.left_out == 1 else "questions"
            found[f"{each.task}: {each.left_out} {noun}"] = _left_out(each, report)
    for cost in report.verdict.fact_costs:
        if cost.seconds is None and costs:
            found[f'cost of one more answerable fact, "{cost.arm}"'] = cost.why
    return {**found, **report.missing}


def _left_out(task: TaskScores, report: Report) -> str:
    """Which arms were asked the questions that no arm is scored on, how they did, and why not all were."""
    rows = [row for row in report.outcomes if row.task == task.task]
    arms = list(dict.fromkeys(row.arm for row in rows))
    put = Counter(row.item for row in rows)
    own = [row for row in rows if put[row.item] < len(arms)]
    asked, right = Counter(row.arm for row in own), Counter(row.arm for row in own if row.right >= 1)
    said = "; ".join(f"{arm} {asked[arm]}, {right[arm]} right" if asked[arm] else f"{arm} none" for arm in arms)
    why = _SHARED.get(task.task, "the same command again asks what is missing")
    return f"not put to all arms, so no arm is scored on them. Asked were: {said}. Why: {why}"
