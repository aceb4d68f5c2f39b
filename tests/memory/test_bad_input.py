"""What memory, edit, forget and consolidate say of input that they cannot use: one sentence, and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from instill import Workspace
from instill.errors import UsageError
from tests.cli.test_cli import as_json, instill

LIMIT, COST = "How much may a hotel cost?", "140 euros"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.init(tmp_path / "kb") as found:
        found.add_text("# Travel\n\nA hotel may cost up to 140 euros a night.\n", name="travel.md")
        yield found


def state(workspace: Workspace) -> tuple[list[str], list[tuple[str, str, str, str]]]:
    workspace.refresh()
    facts = workspace.memory().facts()
    return (
        sorted(each.source for each in workspace.documents()),
        [(each.fact_id, each.question, each.answer, each.decision) for each in facts],
    )


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["memory", "show", "zzz"], "There is no such fact."),
        (["memory", "pin", ""], "There is no such fact."),
        (["memory", "add", " ", COST], "The question is empty."),
        (["memory", "add", LIMIT, ""], "The answer is empty."),
        (["memory", "add", LIMIT, "999 euros"], "No document holds these words"),
        (["memory", "add", LIMIT, COST, "--document", "none.md"], "No document has this name or id."),
        (["memory", "add", LIMIT, COST, "--wording", "y" * 2001], "This is longer than 2,000 characters."),
        (["memory", "edit", "FACT"], "Nothing is to be changed."),
        (["memory", "edit", "FACT", "--wording", " "], "Nothing is to be changed."),
        (["memory", "edit", "FACT", "--answer", "999"], "The evidence does not hold this answer."),
        (["memory", "calibrate", "--confidence", "nan"], "The confidence must be between 0 and 1."),
        (["edit", "hotel", "price limit", "150 euros", "--base", "micro", "--layer", "99"], "The model has 4 layers."),
        (["edit", "hotel", "price limit", "c" * 1001, "--base", "micro"], "This is longer than 1,000 characters."),
        (["edit", "hotel", "price limit", "150 euros", "--base", "nothere"], "There is no model at this path"),
        (["edit", "hotel", "price limit", "150 euros", "--base", "micro", "--method", "magic"], "is not one of"),
        (
            ["edit", "hotel", "price limit", "9 euros", "--base", "micro", "--document", "travel.md"],
            "No document holds",
        ),
        (["edit", "--undo", "zzz"], "There is no such edit."),
        (["forget", "zzzzzz"], "No document has this name or id."),
        (["forget", "F"], "No document has this name or id."),
        (["forget", "D"], "No document has this name or id."),
        (["forget", "travel.md", "--receipt", "."], "so nothing was forgotten."),
        (["forget", "travel.md", "--receipt", "instill.toml/r.json"], "so nothing was forgotten."),
        (["forget", "travel.md", "--probe", "--base", "nothere"], "There is no model at this path"),
        (["consolidate", "--base", "micro", "--gate", "bad.jsonl"], "The gate is not valid TOML"),
        (["consolidate", "--base", "micro", "--replay", "bad.jsonl"], "This line is not JSON"),
        (["consolidate", "--base", "micro", "--replay", "none.jsonl"], "There is no file at this path."),
        (["consolidate", "--seed", "x"], "where: instill consolidate next: See: instill consolidate --help"),
        (["memory", "add", "", ""], "The question is empty. where: question next: Example: instill memory add"),
        (["memory", "calibrate"], "No question could be written from the documents. where: "),
        (["edit", "", "x", "y", "--base", "micro"], "Name a subject, a relation and a value"),
        (["forget", ""], "No document or fact is named. where: DOC|FACT next: Example: instill forget"),
        (["forget", "a", "--allow", "b"], "not both. where: --allow next: Example: instill forget"),
        (["receipt", "verify", "none.json"], "There is no such file. where: none.json next: Name a file that"),
        (["receipt", "verify", "bad.jsonl"], "The file is not a receipt of Instill. where: bad.jsonl next: Name"),
        (
            ["train", "good.json"],
            "The recipe has to be TOML, and this file is JSON. where: good.json next: Name your own",
        ),
        (["ask", "x" * 4001], "at most 4,000 are read. where: question next: Use a shorter text"),
    ],
)
def test_it_is_said_in_a_sentence_and_nothing_is_lost(workspace: Workspace, command: list[str], said: str) -> None:
    fact = workspace.remember(LIMIT, COST)
    (workspace.path / "good.json").write_text("{}", encoding="utf-8")
    (workspace.path / "bad.jsonl").write_text("{broken\n", encoding="utf-8")
    before = state(workspace)
    names = {"FACT": fact.fact_id, "F": fact.fact_id[:1], "D": fact.doc_id[:3]}
    shown = instill(*(names.get(each, each) for each in command), cwd=workspace.path, code=2)
    assert said in " ".join(shown.stderr.split())
    assert "Traceback" not in shown.stderr
    assert "\n  where: " in shown.stderr, shown.stderr
    assert "\n  next:  " in shown.stderr, shown.stderr
    assert state(workspace) == before


def test_an_edit_that_fails_takes_its_pin_back(workspace: Workspace) -> None:
    workspace.add_text("# Note\n\nThe hotel has a limit of 150 euros.\n", name="note.md")
    with pytest.raises(UsageError, match="4 layers"):
        workspace.edit("hotel", "limit", "150 euros", base="micro", layer=99)
    workspace.refresh()
    assert [(each.source, each.decision) for each in workspace.memory().facts()] == [("stdin:note.md", "")]
    assert len(list(workspace.documents())) == 2


def test_what_is_passed_in_python_is_checked_too(workspace: Workspace) -> None:
    fact = workspace.remember(LIMIT, COST, wordings="Name the hotel budget")
    assert fact.wordings == ("Name the hotel budget",)
    with pytest.raises(UsageError, match="This is no decision"):
        workspace.memory().decide(fact.fact_id, "nonsense")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="There is no such method"):
        workspace.edit("a", "b", "c", base="micro", method="magic")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="Only the owner"):
        workspace.seen_by(["staff"]).remember(LIMIT, "999")
    for name, call in (
        ("question", lambda: workspace.remember("", "")),
        ("answer", lambda: workspace.memory().add("What?", "")),
        ("subject", lambda: workspace.edit("", "", "")),
        ("relation", lambda: workspace.edit("hotel", "", "")),
        ("question", lambda: workspace.ask(" ")),
    ):
        with pytest.raises(UsageError) as caught:
            call()
        assert (caught.value.what, caught.value.where) == (f"The {name} is empty.", name)
        assert caught.value.remedy


def test_a_cut_catalog_is_named_and_left_as_it_is(workspace: Workspace) -> None:
    workspace.remember(LIMIT, COST)
    workspace.close()
    file = workspace.path / ".instill" / "catalog.db"
    for rest in file.parent.glob("catalog.db-*"):
        rest.unlink()
    cut = file.read_bytes()[: file.stat().st_size // 2]
    file.write_bytes(cut)
    for command in (["memory"], ["memory", "add", LIMIT, COST], ["edit", "--list"], ["forget", "travel.md"]):
        shown = instill(*command, cwd=workspace.path, code=4)
        assert "The catalog cannot be opened" in shown.stderr
        assert "Traceback" not in shown.stderr
    assert file.read_bytes() == cut


def test_without_facts_there_is_nothing_to_do(workspace: Workspace) -> None:
    assert as_json("memory", cwd=workspace.path) == {"facts": [], "total": 0}
    assert as_json("consolidate", "--base", "micro", cwd=workspace.path)["consolidated"] == []
