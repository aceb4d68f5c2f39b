"""compare --dry-run: which arms would be asked which questions, what that can show, and how long it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from instill.cli.output import print_json
from instill.cli.questions import judged_questions
from instill.cli.terminal import say

if TYPE_CHECKING:
    from instill.compare.plan import ComparePlan
    from instill.study.stored_study import StoredStudy
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
    from instill.compare.asked_beforehand import AskedBeforehand, asked_of_judged, asked_of_study
    from instill.compare.duration import how_long, measured_here
    from instill.study.stored_study import list_studies, open_study

    caller = workspace.caller()
    study: StoredStudy | None = None
    if not feedback and (reference or list_studies(workspace.home, caller)):
        study = open_study(workspace.home, reference, caller)
    asked: AskedBeforehand | None = None
    if study is not None:
        asked = asked_of_study(study, plan)
    elif feedback:
        asked = asked_of_judged(workspace, judged_questions(workspace), plan)
    about = {name: plan.known[name].about for name in arms}
    shows, takes = NO_STUDY, None
    if asked is not None:
        shows = asked.shows(plan, arms)
        takes = how_long(measured_here(workspace), plan, arms, asked.groups, rows=asked.rows)
    if as_json:
        print_json(
            {
                "dry_run": True,
                "study": None if study is None else study.card.id,
                "arms": about,
                "recommended": [name for name in arms if plan.known[name].way.offered],
                "questions": {need or "other": len(own) for need, own in asked.groups.items()} if asked else {},
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
