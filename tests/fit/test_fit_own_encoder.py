"""A workspace's own encoder: compared, switched, recorded, overruled, undone. With real weights, moved by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from instill import Workspace
from instill.common.made_from import made_from
from instill.errors import EncoderMismatch, UsageError, WorkspaceError
from instill.fit.kept.own_encoder import RECORD_FILE, OwnEncoder, add_own, own_encoders, own_for
from instill.fit.train_own_encoder import (
    _compare_and_switch,
    _dealt,
    _fitting,
    _Parts,
    _rows,
    train_own_encoder,
    undo_own_encoder,
)
from instill.models.encoders.minilm import find_minilm
from instill.models.encoders.sentence_transformers_folder import read_folder
from instill.models.encoders.transformer_weights import read_tensors
from instill.study.types import StudyQuestion
from instill.train.encoder.averaging import Candidates
from instill.train.encoder.choosing import Chosen
from instill.train.encoder.settings import EncoderHyperparameters, Share

TEXTS = {
    "tea": "Green leaves are steeped in water of eighty degrees for two minutes.",
    "rent": "Tenants pay for the flat on the third working day of each month.",
    "bees": "A colony gathers forty kilos of honey in a good summer.",
    "trains": "The night express to the coast leaves from platform nine.",
    "glass": "Sand is melted together with soda and lime in a furnace.",
    "fever": "A child with a high temperature should drink a lot and rest.",
}
ASKED = {
    "tea": "How hot should it be to brew a drink?",
    "rent": "When is money for an apartment due?",
    "bees": "How much sweet food do insects make?",
    "trains": "Where do I board the railway to the sea?",
    "glass": "What are windows made from?",
    "fever": "What helps a sick kid?",
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Searched by vectors alone, so that the encoder decides."""
    monkeypatch.setenv("INSTILL_SEARCH__VECTOR_WEIGHT", "1.0")
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    opened = Workspace.init(tmp_path / "kb")
    opened.add([str(tmp_path / "*.txt")])
    return opened


def questions(workspace: Workspace) -> list[StudyQuestion]:
    found = []
    for record in workspace.documents():
        name = Path(record.source).stem
        length = len(TEXTS[name])
        found.append(StudyQuestion(ASKED[name], TEXTS[name], record.doc_id, 0, length, (0, length), "name"))
    return found


def moved(place: Path, amount: float) -> Candidates:
    """MiniLM with noise on one layer."""
    folder = read_folder(find_minilm())
    name = "encoder.layer.2.output.dense.weight"
    weight = read_tensors(folder.transformer)[name]
    noise = np.random.default_rng(0).normal(0, amount, weight.shape).astype(np.float32)
    return Candidates(folder, {name: weight + noise}, place)


def switch(workspace: Workspace, candidates: Candidates) -> bool:
    parts = _Parts([], [], questions(workspace))
    chosen, sources = Chosen(Share(1.0), [], []), made_from(workspace.documents())
    verdict = _compare_and_switch(workspace, candidates, chosen, parts, (0, 0, 6), None, sources)
    assert verdict.gain is not None
    assert verdict.switched == (verdict.gain.low > 0)
    return verdict.switched


def test_an_encoder_that_is_no_better_is_dropped(workspace: Workspace, tmp_path: Path) -> None:
    before = workspace.index.generation
    assert not switch(workspace, moved(tmp_path / "c", 1.0))
    workspace.refresh()
    assert workspace.index.generation == before
    assert own_encoders(workspace.home) == []
    assert not [path for path in (workspace.home / "encoders").iterdir() if path.is_dir()]
    assert len(list((workspace.home / "index").glob("g*"))) == 1
    with pytest.raises(UsageError, match="No trained encoder"):
        undo_own_encoder(workspace)


def test_from_a_bad_encoder_to_a_better_one_and_back(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = workspace.home / "encoders" / "bad"
    bad.parent.mkdir()
    moved(tmp_path / "c", 1.0).save(Share(1.0), bad)
    fingerprint = workspace.index.generation.fingerprint
    monkeypatch.setenv("INSTILL_ENCODER__MODEL", str(bad))
    with Workspace.open(workspace.path) as opened:
        opened.reindex()
        spoilt = opened.index.generation.fingerprint
    monkeypatch.delenv("INSTILL_ENCODER__MODEL")
    add_own(workspace.home, OwnEncoder("bad", (spoilt,), "minilm", "Worse.", "2026-01-01"))
    workspace.refresh()
    assert workspace.settings.encoder.model == str(bad)
    assert workspace.status().learned == ("Worse. (2026-01-01)",)

    assert switch(workspace, moved(tmp_path / "d", 0.001))
    own = workspace.own_encoder
    assert own is not None
    assert [folder.name for folder in (workspace.home / "encoders").iterdir()] == [own.name]
    assert workspace.index.generation.fingerprint in own.fingerprints
    assert "MRR@10" in workspace.status().learned[0]
    assert workspace.search(ASKED["glass"], k=1).hits[0].text == TEXTS["glass"]
    workspace.reindex()  # with the trained one again
    assert workspace.own_encoder == own

    monkeypatch.setenv("INSTILL_ENCODER__MODEL", "minilm")
    with Workspace.open(workspace.path) as opened, pytest.raises(EncoderMismatch, match="trained for this workspace"):
        opened.search("glass")
    monkeypatch.delenv("INSTILL_ENCODER__MODEL")

    assert undo_own_encoder(workspace) == 6
    assert workspace.own_encoder is None
    assert workspace.index.generation.fingerprint == fingerprint
    assert not (workspace.home / RECORD_FILE).exists()
    assert list((workspace.home / "encoders").iterdir()) == []


def test_a_damaged_record_is_told_of(tmp_path: Path) -> None:
    assert own_for(tmp_path, "f") is None
    (tmp_path / RECORD_FILE).write_text('[{"name": "../x", "fingerprints": []}]', encoding="utf-8")
    with pytest.raises(WorkspaceError, match="damaged"):
        own_encoders(tmp_path)


def test_a_set_encoder_and_too_few_documents_are_refused(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="too few"):
        train_own_encoder(workspace)
    monkeypatch.setenv("INSTILL_ENCODER__MODEL", "minilm")
    with Workspace.open(workspace.path) as opened, pytest.raises(UsageError, match="is set, so"):
        train_own_encoder(opened)


def test_documents_are_in_one_part_only() -> None:
    asked = [StudyQuestion("?", "a", f"d{n // 2}", 0, 1, (0, 1), "name") for n in range(400)]
    parts = _dealt(asked, 0)
    groups = [{entry.doc_id for entry in part} for part in (parts.trained, parts.chosen, parts.compared)]
    assert sum(len(group) for group in groups) == len(groups[0] | groups[1] | groups[2]) == 200
    assert len(parts.compared) == 124


def test_rows_are_passages_as_they_are_indexed(workspace: Workspace) -> None:
    asked = questions(workspace)[:2]
    rows = _rows(workspace, asked, 0)
    assert sorted(row.question for row in rows) == sorted(question.question for question in asked)
    assert {row.passage for row in rows} == {question.answer for question in asked}
    assert _fitting(EncoderHyperparameters(), rows * 200) == EncoderHyperparameters(batch=40, epochs=4)
