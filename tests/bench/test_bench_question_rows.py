"""Rows for the reader from questions: what answers, what is near, pieces by themselves, and follow-ups in context."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from question_rows import rows_of, turns_of

from instill import Workspace

TEA = "# Tea\n\nThe kitchen is open from eight.\n\nGreen tea is brewed at 80 degrees.\n\n" + "Cups are washed. " * 20
POT = "# Pots\n\nThe pot of the kitchen holds two litres.\n\nIt is kept in the left cupboard.\n"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("rows")
    (folder / "docs").mkdir()
    (folder / "docs" / "tea.md").write_text(TEA)
    (folder / "docs" / "pot.md").write_text(POT)
    with Workspace.init(folder / "kb") as opened:
        opened.add([str(folder / "docs")])
        yield opened


def asked(question: str, path: str = "", quote: str = "", answer: str = "") -> dict[str, Any]:
    evidence = [{"path": path, "quote": quote}] if path else []
    accept = [[answer]] if answer else []
    return {
        "question": question, "standalone": question, "answerable": bool(path), "evidence": evidence,
        "answer": answer, "accept": accept,
    }  # fmt: skip


BREWED = asked("How hot is green tea brewed?", "tea.md", "Green tea is brewed at 80 degrees.", "80 degrees")
OPEN = asked("When does the kitchen open?", "tea.md", "The kitchen is open from eight.", "from eight")
HOLDS = asked("What does the pot hold?", "pot.md", "The pot of the kitchen holds two litres.", "two litres")
PRICE = asked("What does tea cost?")


def test_a_question_has_its_passage_its_piece_and_what_is_near(workspace: Workspace) -> None:
    rows = list(rows_of(workspace, "kb", [BREWED, OPEN, HOLDS, PRICE]))
    own = [row for row in rows if row["question"] == BREWED["question"]]
    right = [row for row in own if row["answerable"]]
    assert [row["passage"] == BREWED["evidence"][0]["quote"] for row in right] == [False, True]
    for row in right:
        [span] = row["answers"]
        assert row["passage"][span["start"] :].startswith("80 degrees")
    wrong = [row["passage"] for row in own if not row["answerable"]]
    assert OPEN["evidence"][0]["quote"] in wrong  # another piece of its own file
    assert any("two litres" in passage for passage in wrong)
    assert not any("80 degrees" in passage for passage in wrong)
    none = [row for row in rows if row["question"] == PRICE["question"]]
    assert none
    assert not any(row["answerable"] or row["answers"] for row in none)


def test_a_follow_up_is_read_in_context_and_what_answered_before_does_not_answer(workspace: Workspace) -> None:
    then = {**HOLDS, "question": "how much is in it?", "standalone": "How much is in the pot of the kitchen?"}
    turns = list(turns_of([{"turns": [BREWED, then]}]))
    rows = [row for row in rows_of(workspace, "kb", turns) if row["question"].startswith("how much")]
    assert {row["question"] for row in rows} == {"how much is in it? (How hot is green tea brewed?)"}
    assert any("two litres" in row["passage"] for row in rows if row["answerable"])
    assert any("80 degrees" in row["passage"] for row in rows if not row["answerable"])
