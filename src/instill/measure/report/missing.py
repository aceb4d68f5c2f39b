"""What was not measured, and why; and what a reader should know of how it was measured."""

from __future__ import annotations

from instill.measure.report.scores import BESIDE, scores_by_task
from instill.measure.report.types import Report

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
        if need.state == "not measured" and need.need != "cost":
            found[need.need] = "no question of this kind was put to all arms"
    tasks = scores_by_task(report.outcomes)
    asked = {each.task for each in tasks}
    found |= {task: "no question of this kind was asked" for task in BESIDE if task not in asked}
    costs = any(each.seconds is not None for each in report.verdict.fact_costs)
    given = (report.kept, report.refreshes, report.curves, costs)
    found |= {name: why for (name, why), there in zip(_WITHOUT.items(), given, strict=True) if not there}
    for each in tasks:
        if each.left_out:
            found[f"{each.task}: {each.left_out} questions"] = "not all arms answered them, so no arm is scored on them"
    for cost in report.verdict.fact_costs:
        if cost.seconds is None and costs:
            found[f"cost of one more answerable fact, {cost.arm}"] = cost.why
    return {**found, **report.missing}
