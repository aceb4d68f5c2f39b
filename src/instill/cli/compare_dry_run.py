"""compare --dry-run: which arms would be asked which questions, what that can show, and how long it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from instill.cli.output import print_json
from instill.cli.questions import judged_questions
from instill.cli.terminal import say

if TYPE_CHECKING:
    from instill.compare.plan import ComparePlan
    from instill.study.stored_study import StoredStudy
    from instill.study.types import AskedQuestion
    from instill.workspace import Workspace

NO_STUDY = "There is no study set yet. Make one first, to see the questions and the time: instill study make"


def show_plan(
    workspace: Workspace, plan: ComparePlan, arms: Sequence[str], reference: str, *, feedback: bool, as_json: bool
) -> None:
    """Print what a comparison would do; nothing is asked, trained or written.

    Args:
        arms: that would be run.
        reference: of the study set; "": the newest.
        feedback: the questions are those that people judged.

    Raises:
        UsageError: there is no such study set, or nothing that was judged can be used.
    """
    from instill.compare.duration import how_long, measured_here, rows_of
    from instill.compare.said_beforehand import groups_of_judged, say_by_need, say_of_judged
    from instill.study.stored_study import list_studies, open_study

    caller = workspace.caller()
    study: StoredStudy | None = None
    if not feedback and (reference or list_studies(workspace.home, caller)):
        study = open_study(workspace.home, reference, caller)
    groups: Mapping[str, Sequence[str]] = {}
    judged: Sequence[AskedQuestion] = ()
    if study is not None:
        groups = _groups(study, plan)
    elif feedback:
        judged = judged_questions(workspace)
        groups = groups_of_judged(judged)
    about = {name: plan.known[name].about for name in arms}
    shows, takes = NO_STUDY, None
    if groups:
        shows = say_by_need(groups, [plan.known[name] for name in arms], wanted=plan.wanted)
        shows = f"{say_of_judged(len(judged), sum(map(len, groups.values())))} {shows}".strip()
        rows = 0 if study is None else rows_of(study, plan)
        takes = how_long(measured_here(workspace), plan, arms, groups, rows=rows)
    if as_json:
        print_json(
            {
                "dry_run": True,
                "study": None if study is None else study.card.id,
                "arms": about,
                "recommended": [name for name in arms if plan.known[name].way.offered],
                "questions": {need or "other": len(own) for need, own in groups.items()},
                "beforehand": shows,
                "duration": None if takes is None else takes.as_dict(),
            }
        )
        return
    say("Arms", bold=True)
    say(*(f"  {name:24}  {what}" for name, what in about.items()))
    say("Questions", bold=True)
    say(f"  {shows}")
    if takes is not None:
        say("Time", bold=True)
        say(f"  {takes.said}")
    say("Nothing was asked, trained or written. Leave out --dry-run to start.")


def _groups(study: StoredStudy, plan: ComparePlan) -> Mapping[str, Sequence[str]]:
    """The fact of each question by need. The audit stays sealed: of it only the numbers are known."""
    from instill.compare.asking_arms import TASKS, groups_by_need, need_of, questions_of

    if not plan.audit:
        return groups_by_need(questions_of(study, most=plan.questions, seed=plan.seed))
    found: dict[str, list[str]] = {}
    for phrasing, task in TASKS.items():
        count = study.card.items.get("audit", {}).get(phrasing, 0)
        found.setdefault(need_of(task), []).extend(f"{phrasing} {number}" for number in range(count))
    share = min(1.0, (plan.questions or 10**9) / max(1, sum(map(len, found.values()))))
    return {need: own[: round(share * len(own))] for need, own in found.items() if own}
