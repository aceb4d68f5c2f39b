"""Forgetting a document deletes what is kept of it for `restore`, keeps its versions out, and leaves other removals."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from instill import Workspace
from instill.index.store import Index
from instill.memory.forgetting.job import begun
from instill.workspace import removed_documents
from instill.workspace.removed_documents import RemovedDocuments
from tests.warm import Warm
from tests.workspace.test_crash import Running
from tests.workspace.test_restoring import same, whole

TEA = "# Tea\n\nGreen tea is brewed at {} degrees by Quentin Ashgrove.\n"
COFFEE = "# Coffee\n\nCoffee is brewed at {} degrees by Marta Lindqvist.\n"
COCOA = "# Cocoa\n\nCocoa is brewed at 70 degrees by Ove Nyman.\n"


def put(workspace: Workspace, name: str, text: str) -> None:
    """An earlier version is kept, as of uploads."""
    file = workspace.path.parent / name
    file.write_text(text)
    workspace.add(file, keep=True)


@pytest.fixture
def kb(tmp_path: Path) -> Path:
    """Three versions of tea, two of coffee; a copy of the first tea was removed, with cocoa and mate, which is back."""
    with Workspace.init(tmp_path / "kb") as workspace:
        put(workspace, "copy.md", TEA.format(81))
        put(workspace, "cocoa.md", COCOA)
        put(workspace, "mate.md", "# Mate\n\nMate is brewed at 75 degrees by Quentin Ashgrove.\n")
        workspace.remove([record.doc_id for record in workspace.documents()])
        workspace.restore("mate.md")
        for degrees in (81, 82, 83):
            put(workspace, "tea.md", TEA.format(degrees))
        for degrees in (91, 92):
            put(workspace, "coffee.md", COFFEE.format(degrees))
    return tmp_path / "kb"


def kept(workspace: Workspace) -> list[str]:
    return sorted(Path(each.document.source).name for each in workspace.removed())


def holding(kb: Path, words: str) -> list[str]:
    files = [file for file in (kb / ".instill").rglob("*") if file.is_file()]
    return sorted(file.name for file in files if words.encode() in file.read_bytes())


def check_others_come_back(workspace: Workspace) -> None:
    assert kept(workspace) == ["cocoa.md", "coffee.md"]
    before = {record.title for record in workspace.documents()}
    done = workspace.restore(["cocoa.md", "coffee.md"])
    assert (sorted(each.title for each in done.restored), done.left_out) == (["Cocoa", "Coffee"], [])
    back = whole(workspace)
    assert set(back) == before | {"Cocoa"}
    assert ("91" in back["Coffee"].document.parsed.text, back["Cocoa"].document.parsed.text) == (True, COCOA)
    assert workspace.ask("At how many degrees is cocoa brewed?").citations[0].text == COCOA.split("\n")[2]


def test_only_the_versions_of_the_forgotten_document_and_copies_go_and_it_is_said(kb: Path) -> None:
    with Workspace.open(kb) as workspace:
        assert kept(workspace) == ["cocoa.md", "coffee.md", "copy.md", "tea.md", "tea.md"]
        plan = workspace.forgetting_plan("tea.md")
        assert (plan.versions, plan.as_dict()["versions"]) == (3, 3)
        said = "3 earlier versions of it, or copies, that could be brought back, are deleted too."
        assert said in plan.said
        receipt = workspace.forget("tea.md")
        assert [each.said for each in receipt.removed if each.where == "earlier versions"] == [
            "3 earlier versions of it, or copies, that could be brought back, were deleted."
        ]
        assert [len(receipt.documents), receipt.documents[0].source] == [1, str(kb.parent / "tea.md")]
        workspace.forget("mate.md")
        assert holding(kb, "Quentin") == []
        assert holding(kb, "Mate is brewed") == [], "its rows stood in the removal that holds cocoa still"
    with Workspace.open(kb) as workspace:
        check_others_come_back(workspace)


def test_what_stays_is_the_same_row_for_row(kb: Path) -> None:
    with Workspace.open(kb) as workspace:
        workspace.restore("cocoa.md")
        before = whole(workspace)["Cocoa"]
        workspace.remove(["cocoa.md", "mate.md"])
        workspace.forget("tea.md")
        workspace.purge(["0" * 16])
        workspace.restore("cocoa.md")
        assert same(before, whole(workspace)["Cocoa"])


def test_no_version_comes_back_under_another_name_until_it_is_allowed(kb: Path) -> None:
    with Workspace.open(kb) as workspace:
        workspace.forget("tea.md")
        for degrees in (81, 82, 83):
            put(workspace, f"other{degrees}.md", TEA.format(degrees))
        assert sorted(record.title for record in workspace.documents()) == ["Coffee", "Mate"]
        assert "Green tea" not in workspace.ask("At how many degrees is green tea brewed?").text
        assert workspace.allow(str(kb.parent / "tea.md"))
        workspace.add([kb.parent / f"other{degrees}.md" for degrees in (81, 82, 83)])
        assert sorted(record.title for record in workspace.documents()) == ["Coffee", "Mate", "Tea", "Tea", "Tea"]


def test_forgetting_a_fact_deletes_the_versions_of_its_document_alone(kb: Path) -> None:
    with Workspace.open(kb) as workspace:
        put(workspace, "lamp.md", "# Lamp\n\nThe blue lantern was built in 1931 by Ines Valdez.\n\nIt is tall.\n")
        put(workspace, "lamp.md", "# Lamp\n\nThe blue lantern was built in 1932 by Ines Valdez.\n\nIt is tall.\n")
        assert not workspace.ask("Who built the blue lantern?").abstained
        [fact] = [each for each in workspace.memory().facts() if "lantern" in each.question]
        assert workspace.forgetting_plan(fact.fact_id).versions == 1
        receipt = workspace.forget(fact.fact_id)
        assert [each.where for each in receipt.removed if "brought back" in each.said] == ["earlier versions"]
        assert holding(kb, "Ines Valdez") == []
        assert kept(workspace) == ["cocoa.md", "coffee.md", "copy.md", "tea.md", "tea.md"]
        assert workspace.restore("cocoa.md").left_out == []


def test_purging_a_document_leaves_the_removals_of_others(kb: Path) -> None:
    with Workspace.open(kb) as workspace:
        [mate] = [each for each in workspace.documents() if each.title == "Mate"]
        workspace.remove(mate.doc_id)
        workspace.purge([mate.doc_id])
        assert kept(workspace) == ["cocoa.md", "coffee.md", "copy.md", "tea.md", "tea.md"]
        assert holding(kb, "Mate is brewed") == []
        workspace.purge()
        assert kept(workspace) == []
        assert not (workspace.home / "removed").exists()


def test_an_uploaded_file_of_another_removed_document_stays_and_comes_back(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        uploads = workspace.home / "uploads" / "all"
        uploads.mkdir(parents=True)
        for name, text in (("tea.md", TEA.format(81)), ("coffee.md", COFFEE.format(91))):
            (uploads / name).write_text(text)
            workspace.add(uploads / name, keep=True)
        workspace.remove("coffee.md")
        workspace.forget("tea.md")
        assert [file.name for file in uploads.iterdir()] == ["coffee.md"]
        assert [each.title for each in workspace.restore("coffee.md").restored] == ["Coffee"]
        assert workspace.sync().failed == []


def test_labels_that_were_taken_from_another_document_are_given_back(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        for name, text in (("tea.md", TEA), ("coffee.md", COFFEE)):
            workspace.add_text(text.format(81), name=name, labels=["hr", "it"])
        workspace.take_labels([record.doc_id for record in workspace.documents()], ["hr"])
        workspace.forget("stdin:tea.md")
        assert [each.document.title for each in workspace.removed(labels=["hr"])] == ["Coffee"]
        workspace.restore("stdin:coffee.md", labels=["hr"])
        assert [record.labels for record in workspace.documents()] == [("hr", "it")]
        assert holding(tmp_path / "kb", "Quentin") == []


class Stopped(BaseException):
    """As a kill: nothing cleans up after it."""


def stop_at(owner: object, name: str, after: bool) -> Callable[[pytest.MonkeyPatch], None]:
    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        real = getattr(owner, name)

        def stops(*given: object, **named: object) -> object:
            if after:
                real(*given, **named)
            raise Stopped

        monkeypatch.setattr(owner, name, stops)

    return patch


STEPS = {
    "before the list is written": stop_at(removed_documents, "write_bytes", False),
    "after the list is written": stop_at(removed_documents, "write_bytes", True),
    "after the rows are written": stop_at(removed_documents, "keep_rows", True),
    "before the removals follow the index": stop_at(RemovedDocuments, "go_with", False),
    "before the switch": stop_at(RemovedDocuments, "go_with", True),
    "after the switch": stop_at(Index, "replaced_by", True),
}


@pytest.mark.parametrize("step", STEPS)
def test_stopped_at_any_step_nothing_forgotten_comes_back_and_nothing_else_is_lost(
    kb: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    STEPS[step](monkeypatch)
    with Workspace.open(kb) as workspace, pytest.raises(Stopped):
        workspace.forget("tea.md")
    monkeypatch.undo()
    with Workspace.open(kb) as workspace:
        done = workspace.restore(["*.md"])
        assert {each.title for each in done.restored} == {"Cocoa", "Coffee"}
        assert {why for _, why in done.left_out} <= {"It was forgotten, and stays out."}
        workspace.remove("cocoa.md")
        assert begun(workspace.home) is not None
        workspace.forget("mate.md")  # The next call finishes it.
        assert holding(kb, "Quentin") == []
        [receipt] = [each for each in workspace.receipts() if each.reference == "tea.md"]
        assert "3 earlier versions of it, or copies, that could be brought back, were deleted." in {
            each.said for each in receipt.removed
        }
        assert kept(workspace) == ["cocoa.md", "coffee.md"]


@pytest.mark.parametrize("delay", [0.02, 0.1, 0.3])
def test_killed_at_any_moment_the_others_come_back(kb: Path, warm: Warm, delay: float) -> None:
    process = Running(warm, "forget", str(kb), "tea.md")
    assert process.said() == "ready"
    time.sleep(delay)
    process.kill()
    with Workspace.open(kb) as workspace:
        if begun(workspace.home) is not None or len(workspace.documents()) == 3:
            workspace.forget("tea.md")
        check_others_come_back(workspace)
        workspace.forget("mate.md")
        assert holding(kb, "Quentin") == []
