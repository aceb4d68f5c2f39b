"""The gate that is written for a study set: what it asks, and of whom."""

from __future__ import annotations

import json
from pathlib import Path

from instill import Workspace
from instill.lab.world import make_world, write_documents
from instill.study.stored_study import list_studies
from instill.study.study_making import StudySettings
from instill.study.study_workspace import study_workspace
from instill.train.gate.gate_of_study import write_gate
from instill.train.gate.specification import load_gate
from instill.train.generator.data.duplicates import asked_in
from instill.train.generator.data.rows import read_rows


def test_it_asks_what_is_taught_in_other_words_and_what_is_not(tmp_path: Path) -> None:
    write_documents(make_world().group("C")[:12], tmp_path / "pages")
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add(tmp_path / "pages")
        study = study_workspace(workspace, StudySettings(), check=False)
        file = write_gate(study)
        assert file is not None
        gate = load_gate(file)
        assert gate.gain is not None
        asked, trained = read_rows(study.folder / "gate.jsonl"), read_rows(study.rows_file)
        roles = {fact.id: fact.role for fact in study.facts()}
        groups = [json.loads(line)["group"] for line in (study.folder / "gate.jsonl").read_text().splitlines()]
        assert {roles[group] for group in groups} == {"taught"}
        assert not asked_in(asked, trained)
        assert gate.controls is not None
        never = [json.loads(line)["group"] for line in (study.folder / "controls.jsonl").read_text().splitlines()]
        assert {roles[group] for group in never} == {"control"}
        again = [each.card.id for each in list_studies(workspace.home)]  # Its own files are as they were.
        assert again == [study.card.id]
        some = [next(fact.doc_id for fact in study.facts() if fact.id == groups[0])]
        workspace.remove(some)
        workspace.purge(some)
        left = {fact.id for fact in list_studies(workspace.home)[0].facts()}
        asked_then = {json.loads(line)["group"] for line in (study.folder / "gate.jsonl").read_text().splitlines()}
        assert load_gate(file).gain is not None
        assert asked_then <= left
        assert asked_then < set(groups)
        gone = [record.doc_id for record in workspace.documents()]
        workspace.remove(gone)
        workspace.purge(gone)
        assert not any(path.name == "gate.jsonl" for path in workspace.home.rglob("*"))
