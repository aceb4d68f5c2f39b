"""What is said of one kind of a thing is no answer about another one: parental leave is no medical leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from instill import Workspace
from instill.answer.found.other_kinds import asked_kinds, known_kinds, other_kind

LEAVE = (
    "# Acme Medical Leave of Absence (LOA) Policy\n\nTeammates on LOA are paid for four weeks. To request LOA, tell "
    "your manager.\n\n## Parental leave\n\nParental leave lasts sixteen weeks.\n"
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.init(tmp_path_factory.mktemp("kinds")) as made:
        made.add_text(LEAVE, name="leave.md")
        made.add_text("# Pool\n\nThe outdoor pool opens in May.\n\nThe indoor pool opens in October.", name="pool.md")
        yield made


def test_another_kind_is_named_and_not_taken(workspace: Workspace) -> None:
    answer = workspace.ask("How long does medical leave last?")
    assert answer.abstained
    assert "What comes nearest is about parental leave, not about medical leave." in answer.text
    assert "sixteen weeks" in workspace.ask("How long does parental leave last?").text


def test_a_follow_up_about_another_kind_is_not_answered_with_the_first(workspace: Workspace) -> None:
    talk = workspace.chat()
    assert "sixteen weeks" in talk.say("How long does parental leave last?").text
    assert talk.say("and medical leave?").abstained


def test_of_two_kinds_that_are_both_told_of_the_right_one_is_shown(workspace: Workspace) -> None:
    assert "May" in workspace.ask("When does the outdoor pool open?").text
    assert "October" in workspace.ask("When does the indoor pool open?").text


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("Who approves medical leave?", ["approves medical", "medical leave"]),
        ("When does the outdoor pool open?", ["outdoor pool"]),
        ("Do you offer medical leave?", ["medical leave"]),
        ("Which political party is red?", []),
        ("What are the largest rooms?", []),
        ("Where is the new office?", []),
        ("How do I reset passwords?", []),
        ("Where is Harbour Mills?", []),
    ],
)
def test_what_a_question_names(question: str, kinds: list[str]) -> None:
    assert [kind.written for kind in asked_kinds(question)] == kinds


@pytest.mark.parametrize(
    ("heading", "text", "other"),
    [
        ("Parental leave", "Parental leave lasts sixteen weeks.", "parental leave"),
        ("Rules", "You may take the parental leave at once.", "parental leave"),
        ("Medical leave", "Unlike the parental leave, it is short.", None),  # The right one is named.
        ("Rules", "Leave lasts sixteen weeks.", None),  # Of any kind.
        ("Rules", "Your leave lasts sixteen weeks.", None),
        ("Rules", "Take leave at once.", None),  # "take leave" is no kind that the documents tell apart.
        ("Rules", "It lasts sixteen weeks.", None),
    ],
)
def test_what_a_piece_is_about(heading: str, text: str, other: str | None) -> None:
    known = known_kinds(["Medical leave", "Parental leave"], ["During the parental leave, nobody calls."])
    found = other_kind(asked_kinds("How long is medical leave?"), known, heading, text)
    assert (found[1] if found else None) == other


def test_two_kinds_of_one_thing_may_be_asked_for_together(tmp_path: Path) -> None:
    part = "- Reach the desk\n- Group to be added to: {}@acme.example\n- Time frame\n"
    text = f"# GCP access\n\n## Escalated access\n\n{part.format('up')}\n## On-call access\n\n{part.format('call')}"
    with Workspace.init(tmp_path / "kb") as made:
        made.add_text(text, name="gcp.md")
        answer = made.ask("Which group must I be added to for on-call GCP access?")
    assert not answer.abstained
    assert "call@acme.example" in answer.text
    assert "up@acme.example" not in answer.text


def test_a_kind_that_the_documents_do_not_have_is_left_to_the_reader() -> None:
    known = known_kinds(["Parental leave"], [])
    asked = [kind for kind in asked_kinds("How long is maternity leave?") if kind.key in known]
    assert asked == []
