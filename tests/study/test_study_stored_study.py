"""Study sets on disk: whole, checked, found by id, and the audit sealed."""

from __future__ import annotations

import ast
import inspect
import shutil
from pathlib import Path

import pytest

import instill
from instill.errors import InstillError, UsageError, WorkspaceError
from instill.study.audit import open_audit, openings
from instill.study.stored_study import MEMORY_WRITER, AuditSealed, StoredStudy, list_studies, open_study, write_study
from instill.study.study_making import Made, StudySettings, make_study
from tests.study.documents import workshops


@pytest.fixture(scope="module")
def made() -> Made:
    return make_study(workshops(12))


@pytest.fixture
def home(tmp_path: Path, made: Made) -> Path:
    write_study(tmp_path, made.study, made.rows, [{"purpose": "texts", "messages": []}])
    return tmp_path


def test_what_is_written_can_be_read(home: Path, made: Made) -> None:
    study = open_study(home)
    assert study.facts() == list(made.study.facts)
    assert study.items("train") == made.study.of("train")
    assert study.items("gate") == made.study.of("gate")
    assert open_audit(study, unseal=True, why="test") == made.study.of("audit")
    assert study.rows() == made.rows
    assert study.card.made
    assert study.card.model_copy(update={"hashes": {}, "made": ""}) == made.study.card
    assert {path.name for path in study.folder.iterdir()} == {
        "card.json", "facts.jsonl", "items-train.jsonl", "items-gate.jsonl", "items-audit.jsonl", "rows.jsonl",
        "prompts.jsonl", "audit-openings.jsonl",
    }  # fmt: skip


def test_training_and_gates_cannot_open_the_audit(home: Path) -> None:
    study = open_study(home)
    with pytest.raises(AuditSealed) as caught:
        study.items("audit")
    assert isinstance(caught.value, InstillError)
    with pytest.raises(AuditSealed):
        open_audit(study, unseal=False, why="curious")
    assert openings(study) == []
    # Nothing that the loader takes could unseal it.
    for method in (StoredStudy.__init__, StoredStudy.items, StoredStudy.rows, StoredStudy.facts, open_study):
        assert not {"unseal", "audit", "unsealed"} & set(inspect.signature(method).parameters)


def test_no_file_of_training_or_gate_imports_the_audit() -> None:
    source = Path(instill.__file__).parent
    files = list(source.glob("train/**/*.py"))
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            assert not any(name.endswith(("study.audit", "open_audit")) for name in names), file


def test_openings_are_written_down(home: Path) -> None:
    study = open_study(home)
    for why in ("compare", "shown"):
        open_audit(study, unseal=True, why=why)
    assert [line["why"] for line in openings(study)] == ["compare", "shown"]


def test_rows_do_not_hold_what_is_only_for_testing(made: Made) -> None:
    taught = {fact.id for fact in made.study.facts if fact.role == "taught"}
    assert {id_ for row in made.rows for id_ in row["facts"]} <= taught
    held = {item.question for item in made.study.items if item.split != "train"}
    assert not held & {turn["content"] for row in made.rows for turn in row.get("messages", ())}


@pytest.mark.parametrize("name", ["facts.jsonl", "items-train.jsonl", "rows.jsonl", "items-audit.jsonl"])
def test_a_changed_file_is_refused(home: Path, name: str) -> None:
    study = open_study(home)
    file = study.folder / name
    file.write_bytes(file.read_bytes() + b"\n")
    with pytest.raises(WorkspaceError, match="changed"):
        study.facts(), study.items("train"), study.rows(), open_audit(study, unseal=True, why="")
    file.unlink()
    with pytest.raises(WorkspaceError, match="cannot be read"):
        study.facts(), study.items("train"), study.rows(), open_audit(study, unseal=True, why="")


def test_studies_are_found_by_the_beginning_of_their_id(home: Path, made: Made) -> None:
    other = make_study(workshops(12), StudySettings(seed=9))
    write_study(home, other.study, other.rows)
    assert open_study(home, made.study.card.id[:8]).card.id == made.study.card.id
    assert {study.card.id for study in list_studies(home)} == {made.study.card.id, other.study.card.id}
    own = make_study(workshops(12), StudySettings(seed=11)).study
    newest = open_study(home).card.id
    card = own.card.model_copy(update={"writer": MEMORY_WRITER, "made": "2999-01-01T00:00:00Z"})
    write_study(home, own.model_copy(update={"card": card}), [])
    assert open_study(home).card.id == newest, "what a consolidation makes for itself is asked for by its id only"
    shutil.rmtree(open_study(home, card.id).folder)
    with pytest.raises(UsageError, match="No study set has this id"):
        open_study(home, "zz")
    with pytest.raises(UsageError, match="no study set yet"):
        open_study(home / "empty")
    (home / "studies" / "broken").mkdir()
    (home / "studies" / "broken" / "card.json").write_text("{}")
    assert len(list_studies(home)) == 2


def test_a_write_that_fails_leaves_what_was_there(home: Path, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in open_study(home).folder.iterdir()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_study(home, made.study, [])
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in open_study(home).folder.iterdir()} == before
    assert [path.name for path in (home / "studies").iterdir()] == [made.study.card.id]


def test_the_same_documents_and_settings_make_the_same_set(made: Made) -> None:
    assert make_study(reversed(workshops(12))).study == made.study
