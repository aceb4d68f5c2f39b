"""What is said before a comparison is what the comparison then does."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill import Workspace
from instill.common.progress_watch import Watch
from instill.compare.asked_beforehand import FACTS, asked_of_judged, asked_of_study
from instill.compare.comparing import compare
from instill.compare.duration import how_long, measured_here
from instill.compare.plan import ComparePlan
from instill.study.study_making import StudySettings
from instill.study.study_workspace import study_workspace
from instill.workspace.asked_questions import Feedback

DRINKS = {"tea": 80, "coffee": 93, "cocoa": 70, "punch": 65, "broth": 90, "cider": 60, "mate": 75, "milk": 55}
UNKNOWN = ("Who is the king of Spain?", "How tall is the Everest?", "Who won the cup in 1998?")
ARMS = ("retrieval, quoted", "right passage, given")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace.init(tmp_path / "kb")
    feedback = Feedback(workspace)
    for name, degrees in DRINKS.items():
        workspace.add_text(f"# {name}\n\nThe {name} of the inn is served at {degrees} degrees.\n", name=f"{name}.md")
    for question in (*(f"At how many degrees is the {name} served?" for name in DRINKS), *UNKNOWN):
        answer = workspace.ask(question)
        assert answer.question_id is not None
        feedback.judge(answer.question_id, "right")
    wrong = workspace.ask("How is the tea of the inn served?")
    assert wrong.question_id is not None
    feedback.judge(wrong.question_id, "wrong", correction="in a glass that no document knows")
    return workspace


def test_judged_questions_are_counted_as_they_are_asked(workspace: Workspace) -> None:
    plan = ComparePlan(arms=ARMS, noise=2, changes=1)
    judged = Feedback(workspace).question_set()
    before = asked_of_judged(workspace, judged, plan)
    assert not (workspace.home / "studies").exists(), "nothing is kept"
    study = study_workspace(workspace, StudySettings(most_facts=FACTS), questions=judged)
    assert asked_of_study(study, plan).groups == before.groups
    items = study.items("gate")
    kept = sum(study.card.items["audit"].values())
    assert before.count == len(items)
    assert before.judged.startswith(
        f"Of {len(judged)} judged questions {len(items)} are asked; "
        f"{kept} {'is' if kept == 1 else 'are'} kept back for a later check (the audit)"
    )
    takes = how_long(measured_here(workspace), plan, ARMS, before.groups, rows=before.rows)
    said: list[str] = []
    compared = compare(workspace, study, plan, watch=Watch(said.append))
    assert before.shows(plan, ARMS) == f"{before.judged} {said[0]}"
    assert (
        said[1].partition(": ")[2]
        == takes.said.partition(": ")[2]
        == f"at most {takes.answers} answers, by 2 ways to answer."
    )
    asked = {outcome.item for outcome in compared.report.outcomes if outcome.arm == ARMS[1]}
    assert len(asked) <= before.count
    assert len(compared.report.outcomes) <= takes.answers


def test_the_audit_is_counted_where_it_is_asked(workspace: Workspace) -> None:
    judged = Feedback(workspace).question_set()
    gate, audit = (asked_of_judged(workspace, judged, ComparePlan(audit=audit)) for audit in (False, True))
    assert f"{audit.count} are asked; {gate.count} are left to the gate" in audit.judged
