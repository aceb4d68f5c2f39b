"""`instill memory` at the command line: what recurs, and what is decided on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_cli import as_json, instill
from tests.conftest import write_handbook

HOTEL = "How much may a hotel cost?"


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memory")
    write_handbook(folder / "handbook")
    instill("init", "kb", cwd=folder)
    (folder / "kb" / "instill.toml").write_text("[memory]\nstable_days = 0\nthreshold = 0.5\n")
    instill("add", str(folder / "handbook" / "travel.md"), "--label", "staff", cwd=folder / "kb")
    instill("ask", HOTEL, cwd=folder / "kb")
    return folder / "kb"


def test_facts_are_listed_shown_decided_and_added(kb: Path) -> None:
    assert HOTEL in instill("memory", cwd=kb).stdout
    [fact] = as_json("memory", "--candidates", cwd=kb)["facts"]
    assert (fact["question"], fact["stage"], fact["candidate"]) == (HOTEL, "indexed", True)
    shown = instill("memory", "show", fact["fact_id"][:5], cwd=kb).stdout
    assert "It is a candidate for weights." in shown
    assert "For callers who hold one of: staff." in shown
    excluded = instill("memory", "exclude", fact["fact_id"], "--note", "changes", cwd=kb).stdout
    assert "It is not a candidate for weights." in excluded
    assert "note: changes" in excluded
    assert as_json("memory", "--candidates", cwd=kb)["facts"] == []
    assert as_json("memory", "pin", fact["fact_id"], cwd=kb)["decision"] == "pinned"
    assert as_json("memory", "unpin", fact["fact_id"], cwd=kb)["decision"] == ""
    assert as_json("memory", "edit", fact["fact_id"], "--answer", "140 euros", cwd=kb)["answer"] == "140 euros"
    added = as_json("memory", "add", "How are short journeys made?", "by train", cwd=kb)
    assert (added["decision"], added["evidence"]) == ("pinned", "Journeys under five hours are made by train.")


def test_labels_and_mistakes(kb: Path) -> None:
    assert as_json("memory", "--label", "shop", cwd=kb)["facts"] == []
    assert "There is no such fact" in instill("memory", "show", "zzz", cwd=kb, code=2).stderr
    assert "No document holds these words" in instill("memory", "add", "Who?", "nobody at all", cwd=kb, code=2).stderr
    assert "between 0 and 1" in instill("memory", "calibrate", "--risk", "2", cwd=kb, code=2).stderr
    assert as_json("memory", "calibrate", cwd=kb, code=1)["threshold"] is None


@pytest.mark.parametrize("given", [(), ("hotel",), ("hotel", "price"), ("hotel", "", "150"), ("--list", "--undo", "a")])
def test_an_edit_needs_subject_relation_and_value(kb: Path, given: tuple[str, ...]) -> None:
    said = instill("edit", *given, cwd=kb, code=2).stderr
    assert "Name a subject, a relation and a value" in said
    assert 'Example: instill edit "Mara Holm" "employer" "Nordlicht" --base micro' in said
