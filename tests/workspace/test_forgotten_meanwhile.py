"""A command in a terminal does not keep a result that was made from a document which was forgotten meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from instill import Workspace
from instill.common.made_from import made_from
from instill.common.purges import keeping, last_purge, pause_lock
from instill.compare.comparing import compare
from instill.compare.plan import ComparePlan
from instill.compare.saved_reports import save
from instill.errors import ForgottenMeanwhile
from instill.study.study_making import StudySettings
from instill.study.study_workspace import study_workspace

WHARF = (
    "# Wharf\n\nThe stone wharf was built in 1873 by Ines Valdez. The stone wharf was painted by Olga Pryde. "
    "The iron crane was bought in 1891 by Otto Pryde.\n"
)
OVEN = (
    "# Oven\n\nThe stone oven was built in 1987 by Marta Lindqvist. The stone oven was painted by Ove Nyman. "
    "The old mill was bought in 1990 by Rut Halvorsen.\n"
)


@pytest.fixture
def kb(tmp_path: Path) -> Path:
    with Workspace.init(tmp_path / "kb") as workspace:
        for name, text in (("wharf.md", WHARF), ("oven.md", OVEN)):
            workspace.add_text(text, name=name)
    return tmp_path / "kb"


def forget(kb: Path, reference: str = "wharf.md") -> None:
    """As another process does."""
    with Workspace.open(kb) as other:
        other.forget(reference)


def test_a_study_set_is_not_kept(kb: Path) -> None:
    forgotten: list[bool] = []

    def progress(_what: str, _done: int, _of: int) -> None:
        if not forgotten:
            forgotten.append(True)
            forget(kb)

    with Workspace.open(kb) as workspace:
        with pytest.raises(ForgottenMeanwhile, match="so the result is not kept") as told:
            study_workspace(workspace, StudySettings(), check=False, progress=progress)
        assert told.value.remedy.startswith("Run the command again")
    with Workspace.open(kb) as workspace:
        assert list((kb / ".instill").glob("studies/*")) == []
        study = study_workspace(workspace, StudySettings(), check=False)
        assert {fact.doc_id for fact in study.facts()} == {workspace.documents()[0].doc_id}


def test_a_report_is_not_kept_nor_what_was_asked_for_it(kb: Path) -> None:
    with Workspace.open(kb) as workspace:
        study = study_workspace(workspace, StudySettings(), check=False)
        compared = compare(workspace, study, ComparePlan(noise=0, changes=0))
        forget(kb)
        with pytest.raises(ForgottenMeanwhile):
            save(compared, workspace.home / "reports" / "first")
        assert not compared.folder.exists()
        assert not (workspace.home / "reports" / "first").exists()


def test_what_was_made_from_other_documents_is_kept(kb: Path) -> None:
    with Workspace.open(kb) as workspace:
        oven, wharf = workspace.documents()
        since = last_purge(workspace.home)
        forget(kb)
        with keeping(workspace.home, made_from([oven]), since):
            pass
        with keeping(workspace.home, made_from([wharf]), last_purge(workspace.home)):
            pass  # What is made after it is added again.
        with pytest.raises(ForgottenMeanwhile), keeping(workspace.home, made_from([oven, wharf]), since):
            pytest.fail("it is not kept")


def test_a_result_waits_until_a_purge_is_done_and_a_purge_until_a_result_is_written(kb: Path) -> None:
    home = kb / ".instill"
    with Workspace.open(kb) as workspace:
        made = made_from(workspace.documents())
    kept: list[str] = []

    def keep() -> None:
        with keeping(home, made, ""):
            kept.append("kept")

    with pause_lock(home, alone=True, seconds=0) as free:
        assert free
        thread = threading.Thread(target=keep)
        thread.start()
        thread.join(0.3)
        assert kept == []
    thread.join(10)
    assert kept == ["kept"]
    with keeping(home, made, ""), pause_lock(home, alone=True, seconds=0) as free:
        assert not free
