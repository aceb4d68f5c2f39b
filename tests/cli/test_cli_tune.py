"""`tune search` and `train encoder` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import as_json, instill

FACTS = {
    "return goods within thirty days": ("How long may I return goods?", "return period", "send it back when"),
    "exchanged within fourteen days": ("Can I exchange a sale item?", "exchange reduced goods", "swap sale"),
    "back to the card that was used": ("How is a refund paid?", "where does a refund go", "cash back"),
    "approved by the head of the department": ("Who approves a journey?", "approval of travel", "ask for a trip"),
    "made by train": ("When do I go by train?", "short journeys", "four hours by plane"),
    "up to 140 euros": ("What may a hotel cost?", "price of a room", "limit of a night"),
    "at least fourteen characters": ("How long is a password?", "password length", "short password"),
}


@pytest.fixture
def kb(tmp_path: Path, handbook: Path) -> Path:
    instill("init", "kb", cwd=tmp_path)
    instill("add", str(handbook), cwd=tmp_path / "kb")
    rows = [
        {"question": question, "evidence": [{"text": text, "source": text}]}
        for text, questions in FACTS.items()
        for question in questions
    ]
    (tmp_path / "kb" / "q.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return tmp_path / "kb"


def test_tuning_says_what_it_measured_and_changes_nothing_by_itself(kb: Path) -> None:
    shown = instill("tune", "search", "--questions", "q.jsonl", cwd=kb).stdout
    for part in ("21 questions", "keyword alone", "vector alone", "now (vector 0.6, rerank 0)", "Cross-validated"):
        assert part in shown
    found = as_json("tune", "search", "--questions", "q.jsonl", "--passage-sizes", "--apply", cwd=kb)
    assert (found["questions"], found["documents"]) == (21, 7)
    assert found["applied"] == bool(found["values"]) == (kb / ".instill" / "tuned.json").exists()
    assert 0 <= found["before"]["mrr"]["low"] <= found["before"]["mrr"]["mean"] <= found["before"]["mrr"]["high"] <= 1
    assert found["sizes"]["sizes"] == [200, 100]


def test_mistakes_are_explained(kb: Path, tmp_path: Path) -> None:
    assert "too few to tune on" in instill("tune", "search", cwd=kb, code=2).stderr
    assert "needs --out" in instill("train", "encoder", "--data", "q.jsonl", cwd=kb, code=2).stderr
    assert "No trained encoder" in instill("train", "encoder", "--undo", cwd=kb, code=2).stderr
    assert "which is too few" in instill("train", "encoder", cwd=kb, code=2).stderr
    instill("init", "empty", cwd=tmp_path)
    assert "Nothing was added" in instill("tune", "search", cwd=tmp_path / "empty", code=2).stderr
