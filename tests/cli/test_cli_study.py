"""`instill study`: made from documents, looked at, checked, exported; the audit only when asked for."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.test_cli import as_json, instill
from tests.study.documents import workshops


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    (folder / "pages").mkdir()
    for page in workshops(8):
        (folder / "pages" / f"{page.record.doc_id}.md").write_text(f"# {page.record.title}\n\n{page.text}")
    instill("init", ".", cwd=folder)
    instill("add", "pages", cwd=folder)
    return folder


def test_from_documents_to_rows_for_other_trainers(kb: Path) -> None:
    assert "no study set yet" in instill("study", "show", cwd=kb, code=2).stderr
    assert "There is no study set yet" in instill("study", "list", cwd=kb).stdout
    made = as_json("study", "make", "--no-check", cwd=kb)
    assert made["documents"]["read"] == 12
    assert made["leaks"]["left"] == 0
    assert "Stored in" in instill("study", "make", "--no-check", cwd=kb).stdout
    assert [study["id"] for study in as_json("study", "list", cwd=kb)["studies"]] == [made["id"]]
    assert made["id"] in instill("study", "list", cwd=kb).stdout

    shown = instill("study", "show", made["id"][:6], "--split", "train", "-n", "3", cwd=kb).stdout
    assert shown.count("[train: ") == 3
    assert "audit opened: 0 times" in shown
    assert re.search(r"evidence: .* \([\w.-]+\.md\)", shown), "the document is called by its name"
    assert len(as_json("study", "show", "--audit", "-n", "2", cwd=kb)["shown"]) == 2
    assert [one["why"] for one in as_json("study", "show", cwd=kb)["audit_opened"]] == ["instill study show"]
    assert "0 leaks" in instill("study", "check", cwd=kb).stdout

    rows = as_json("study", "export", made["id"], "--to", "out", cwd=kb)["rows"]
    lines = (kb / "out" / "train.jsonl").read_text().splitlines()
    assert len(lines) == rows["train.jsonl"] == sum(made["rows"].values())
    for line in map(json.loads, lines):
        assert [turn["role"] for turn in line["messages"]] == ["user", "assistant"]
    described = json.loads((kb / "out" / "dataset_info.json").read_text())
    assert described["study_train"]["columns"] == {"messages": "messages"}
    assert "not empty" in instill("study", "export", made["id"], "--to", "out", cwd=kb, code=2).stderr
    instill("study", "export", made["id"], "--to", "texts", "--form", "text", cwd=kb)
    assert all(set(json.loads(line)) == {"text"} for line in (kb / "texts" / "train.jsonl").read_text().splitlines())


def test_the_reader_checks_what_is_written(kb: Path) -> None:
    checked = as_json("study", "make", "--most", "30", cwd=kb)
    assert checked["facts"]["role"]["taught"] <= 30
    assert not any("No reader" in note for note in checked["notes"])
    assert checked["rejected"].get("the reader does not find the answer in the evidence", 0) >= 1


def test_a_planted_leak_is_found(kb: Path) -> None:
    made = as_json("study", "make", "--no-check", "--seed", "5", cwd=kb)
    assert "0 leaks" in instill("study", "check", made["id"], cwd=kb).stdout
    folder = Path(made["folder"])
    question = json.loads((folder / "items-gate.jsonl").read_text().splitlines()[0])["question"]
    with (folder / "prompts.jsonl").open("w") as file:
        file.write(json.dumps({"purpose": "texts", "messages": [{"role": "user", "content": question}]}) + "\n")
    assert "prompt 1" in instill("study", "check", made["id"], cwd=kb, code=1).stdout
    with (folder / "rows.jsonl").open("a") as file:
        file.write("{}\n")
    assert "was changed" in instill("study", "check", made["id"], cwd=kb, code=4).stderr


def test_mistakes_are_explained(kb: Path, tmp_path: Path) -> None:
    assert "not between 0 and 1" in instill("study", "make", "--gate", "2", cwd=kb, code=2).stderr
    assert "No generator is set" in instill("study", "make", "--generator", cwd=kb, code=2).stderr
    instill("init", "empty", cwd=tmp_path)
    assert "Nothing was added" in instill("study", "make", cwd=tmp_path / "empty", code=2).stderr
