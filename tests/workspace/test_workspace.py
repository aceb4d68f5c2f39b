"""The workspace's verbs on real files, with the real encoder and index."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from instill import Workspace
from instill.answer.types import Answer
from instill.errors import EncoderMismatch, UsageError, WorkspaceError
from instill.ingest.types import IngestReport


@pytest.fixture
def filled(tmp_path: Path, handbook: Path) -> Workspace:
    workspace = Workspace.init(tmp_path / "kb")
    report = workspace.add([str(handbook)])
    assert (len(report.added), report.failed) == (4, [])
    return workspace


def sources(workspace: Workspace) -> list[str]:
    return [record.source.rsplit("/", 1)[-1] for record in workspace.documents()]


def counts(report: IngestReport) -> tuple[int, int, int, int, int]:
    return len(report.added), len(report.changed), len(report.moved), len(report.removed), report.unchanged


def test_adding_again_does_no_work(filled: Workspace, handbook: Path) -> None:
    report = filled.add([str(handbook)])
    assert counts(report) == (0, 0, 0, 0, 4)
    assert report.passages == 0


def test_a_changed_file_is_replaced_and_keeps_its_id(filled: Workspace, handbook: Path) -> None:
    before = filled.show(str(handbook / "refunds.md"))
    (handbook / "refunds.md").write_text("# Refunds\n\nGoods may be returned within ninety days.\n")
    report = filled.sync()
    after = filled.show(str(handbook / "refunds.md"))
    assert counts(report) == (0, 1, 0, 0, 3)
    assert after.record.doc_id == before.record.doc_id
    assert "ninety" in after.text
    assert all("thirty" not in hit.text for hit in filled.search("return goods thirty days", k=50).hits)


def test_a_moved_file_keeps_its_id_and_is_not_encoded_again(filled: Workspace, handbook: Path) -> None:
    before = filled.show(str(handbook / "travel.md")).record
    (handbook / "travel.md").rename(handbook / "journeys.md")
    report = filled.sync()
    after = filled.show(str(handbook / "journeys.md")).record
    assert counts(report) == (0, 0, 1, 0, 3)
    assert report.passages == 0
    assert after.doc_id == before.doc_id
    assert filled.search("journeys", k=1).hits[0].source.endswith("journeys.md")


def test_a_new_file_at_the_old_place_of_a_moved_one_is_another_document(filled: Workspace, handbook: Path) -> None:
    (handbook / "travel.md").rename(handbook / "journeys.md")
    filled.sync()
    (handbook / "travel.md").write_text("# Travel\n\nA page with the old name and other words.\n")
    report = filled.sync()
    assert counts(report) == (1, 0, 0, 0, 4)
    ids = {record.doc_id for record in filled.documents()}
    assert len(ids) == 5


def test_sync_removes_what_is_gone_and_keeps_a_folder_that_is_missing_as_a_whole(
    filled: Workspace, handbook: Path
) -> None:
    (handbook / "refunds.md").unlink()
    assert counts(filled.sync()) == (0, 0, 0, 1, 3)
    handbook.rename(handbook.with_name("unmounted"))
    report = filled.sync()
    assert report.removed == []
    assert "no longer exists" in report.failed[0].what
    assert len(filled.documents()) == 3


def test_a_folder_that_may_not_be_listed_keeps_its_documents(
    filled: Workspace, handbook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = os.scandir

    def refused(folder: Path) -> object:
        if Path(folder).name == "security":
            raise PermissionError(13, "Permission denied")
        return listing(folder)

    monkeypatch.setattr(os, "scandir", refused)
    (handbook / "refunds.md").unlink()
    report = filled.sync()
    assert counts(report) == (0, 0, 0, 1, 1)
    assert [(each.source, each.what) for each in report.failed] == [
        ((handbook / "security").as_posix(), "You may not read it.")
    ]
    assert len(filled.documents()) == 3


def test_add_says_which_files_of_the_folder_are_gone(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for name in ("tea", "coffee"):
        (docs / f"{name}.md").write_text(f"# {name}\n\nHot {name} is served.\n")
    with Workspace.init(tmp_path / "kb") as workspace:
        assert not workspace.add(str(docs)).notices
        (docs / "tea.md").unlink()
        assert workspace.add(str(docs)).notices == [
            (str(docs / "tea.md"), "Its file is gone. `instill sync` removes the document.")
        ]
        assert workspace.sync().removed == [str(docs / "tea.md")]
        assert not workspace.add(str(docs)).notices


def test_sync_of_a_single_file_that_is_gone_removes_it(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("The key is under the blue flower pot.")
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([str(note)])
        note.unlink()
        assert workspace.sync().removed == [note.as_posix()]


def test_a_file_that_cannot_be_read_is_reported_and_the_others_go_in(filled: Workspace, handbook: Path) -> None:
    (handbook / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing that makes sense")
    (handbook / "empty.txt").write_bytes(b"")
    (handbook / "good.txt").write_text("The canteen opens at noon.")
    report = filled.sync()
    assert sorted(Path(failure.source).name for failure in report.failed) == ["broken.pdf", "empty.txt"]
    assert all(failure.what and failure.remedy for failure in report.failed)
    assert [Path(source).name for source in report.added] == ["good.txt"]


def test_a_known_file_that_becomes_unreadable_keeps_its_last_version(filled: Workspace, handbook: Path) -> None:
    (handbook / "refunds.md").write_bytes(b"")
    report = filled.sync()
    assert len(report.failed) == 1
    assert "thirty days" in filled.show(str(handbook / "refunds.md")).text


def test_changing_the_passage_size_does_the_documents_again_and_says_so(
    filled: Workspace, handbook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTILL_DOCUMENTS__PASSAGE_TOKENS", "64")
    with Workspace.open(filled.path) as changed:
        report = changed.add([str(handbook)])
    assert (len(report.changed), report.resettled, report.unchanged) == (4, 4, 0)


def test_other_metadata_are_no_other_setting(filled: Workspace, handbook: Path) -> None:
    report = filled.add([str(handbook)], metadata={"year": 2025})
    assert (len(report.changed), report.resettled) == (4, 0)


def test_another_encoder_is_refused_until_reindex(filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTILL_ENCODER__MODEL", "minilm")
    with Workspace.open(filled.path) as changed:
        with pytest.raises(EncoderMismatch, match=r"workspace\.reindex"):
            changed.search("refund")
        assert changed.reindex() == 4
        assert changed.search("refund", k=1).hits[0].source.endswith("refunds.md")
    assert len(Workspace.open(filled.path).documents()) == 4


def test_labels_hide_documents_from_search_ask_show_sql_and_counts(tmp_path: Path, handbook: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([str(handbook / "refunds.md")], labels=["support"])
        workspace.add([str(handbook / "travel.md")], labels=["staff"])
        workspace.add([str(handbook / "security")])
        staff = ["staff"]
        assert {hit.title for hit in workspace.search("refund goods", k=50, labels=staff).hits} == {"Travel"}
        assert workspace.ask("How long may customers return goods?", labels=staff).abstained
        assert [record.title for record in workspace.documents(labels=staff)] == ["Travel"]
        with pytest.raises(UsageError):
            workspace.show(str(handbook / "refunds.md"), labels=staff)
        rows = workspace.sql("select count(*) as n from documents", labels=staff).to_pylist()
        assert rows == [{"n": 1}]
        assert workspace.search("refund", labels=[]).hits == () or not workspace.search("refund", labels=[]).hits


def test_labels_of_known_documents_stay_unless_new_ones_are_given(tmp_path: Path, handbook: Path) -> None:
    file = str(handbook / "refunds.md")
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([file], labels=["support"])
        workspace.add([file])
        assert workspace.documents()[0].labels == ("support",)
        report = workspace.add([file], labels=["sales", "support"])
        assert (len(report.relabelled), report.passages) == (1, 0)
        assert workspace.documents()[0].labels == ("sales", "support")


def test_metadata_from_the_command_and_from_front_matter_can_be_filtered_by(filled: Workspace, handbook: Path) -> None:
    filled.add([str(handbook / "refunds.md")], metadata={"year": 2024})
    titles = {hit.title for hit in filled.search("how long", k=50, where="year >= 2024").hits}
    assert titles == {"Refunds"}
    titles = {hit.title for hit in filled.search("how long", k=50, where="year = 2023 and team = 'finance'").hits}
    assert titles == {"Travel"}


def check_citations(workspace: Workspace, answer: Answer) -> None:
    assert answer.citations
    for citation in answer.citations:
        assert workspace.show(citation.doc_id).text[citation.start : citation.end] == citation.text


def test_ask_cites_verbatim_and_refuses(filled: Workspace) -> None:
    answer = filled.ask("Within how many days may customers return goods?")
    assert not answer.abstained
    assert "thirty days" in answer.text
    check_citations(filled, answer)
    assert filled.ask("What is the capital of Mongolia?").abstained
    assert filled.status().questions == 2


def test_chat_remembers_across_processes(filled: Workspace) -> None:
    chat = filled.chat()
    chat.say("Within how many days may customers return goods?")
    followup = chat.say("And sale items?")
    assert "exchanged" in followup.text
    with Workspace.open(filled.path) as again:
        taken_up = again.chat(chat.conversation_id)
        assert [turn.role for turn in taken_up.turns] == ["user", "assistant", "user", "assistant"]
        with pytest.raises(UsageError):
            again.chat("nothing")


def test_questions_are_not_kept_when_privacy_says_so(filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTILL_PRIVACY__LOG_QUESTIONS", "false")
    with Workspace.open(filled.path) as private:
        private.chat().say("Who approves a journey?")
        assert private.status().questions == 0
        assert private.catalog.conversations() == []


def test_remove_by_id_path_pattern_and_folder(filled: Workspace, handbook: Path) -> None:
    record = filled.show("travel.md").record
    assert [gone.title for gone in filled.remove([record.doc_id[:8]])] == ["Travel"]
    assert len(filled.remove([str(handbook / "security")])) == 2
    assert len(filled.remove([str(handbook / "*.md")])) == 1
    assert filled.status().documents == 0
    with pytest.raises(UsageError, match="No document"):
        filled.remove(["nothing"])


def test_a_path_that_is_not_there_is_reported_and_not_followed(filled: Workspace, tmp_path: Path) -> None:
    report = filled.add([str(tmp_path / "nothing.txt")])
    assert len(report.failed) == 1
    assert len(filled.status().roots) == 1


def test_a_stopped_run_can_be_taken_up_by_sync(tmp_path: Path, handbook: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(_: object) -> None:
        raise StoppedError

    with Workspace.init(tmp_path / "kb") as workspace:
        with pytest.raises(StoppedError):
            workspace.add([str(handbook)], progress=stop)
        assert workspace.status().documents == 0
        assert len(workspace.sync().added) == 4


def test_text_from_memory(filled: Workspace) -> None:
    report = filled.add_text("The office closes at 18:00 on Fridays.", name="office.txt")
    assert report.added == ["stdin:office.txt"]
    assert "18:00" in filled.ask("When does the office close on Fridays?").text


def test_a_read_only_workspace_is_searched_and_asked_but_not_changed(
    filled: Workspace, handbook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.close()
    before = {file: file.stat().st_mtime_ns for file in filled.path.rglob("*")}
    # The tests may run as root, whom permissions do not stop.
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with Workspace.open(filled.path) as locked:
        assert locked.search("refund", k=1).hits[0].title == "Refunds"
        assert not locked.ask("Within how many days may customers return goods?").abstained
        locked.chat().say("Who approves a journey?")
        with pytest.raises(WorkspaceError, match="read-only"):
            locked.add([str(handbook)])
    assert {file: file.stat().st_mtime_ns for file in filled.path.rglob("*")} == before


def test_init_twice_and_open_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Workspace.init(tmp_path / "kb")
    with pytest.raises(WorkspaceError, match="already"):
        Workspace.init(tmp_path / "kb")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkspaceError, match=r"Workspace\.init"):
        Workspace.open()
    monkeypatch.chdir(tmp_path / "kb" / ".instill")
    assert Workspace.open().path == (tmp_path / "kb").resolve()


def test_sql_sees_documents_passages_and_similarity(filled: Workspace) -> None:
    rows = filled.sql(
        "select title, text from passages order by similarity desc limit 1", near="money back"
    ).to_pylist()
    assert rows[0]["title"] == "Refunds"
    with pytest.raises(UsageError):
        filled.sql("drop table documents")
