"""`instill models` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from instill.models.registry.card import Condition, GateResult
from tests.cli.test_cli import as_json, instill
from tests.train.generator.made_candidates import add_candidate, make_base_model


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two good candidates and one that the gate rejected."""
    folder = tmp_path_factory.mktemp("models")
    instill("init", "kb", cwd=folder)
    base, home = make_base_model(folder / "base"), folder / "kb" / ".instill"
    add_candidate(home, base, "dates-1", "lora", seed=1)
    add_candidate(home, base, "tone-1", "full", seed=2, parent="dates-1", reasons=("kept for later",))
    failed = Condition(name="forgetting", passed=False, measured=0.2, limit=0.05, said="it forgets 20%, at most 5%")
    add_candidate(home, base, "worse-1", "lora", seed=3, gate=GateResult(passed=False, conditions=(failed,)))
    return folder / "kb"


@pytest.fixture
def kb(filled: Path) -> Path:
    (filled / ".instill" / "champion.json").unlink(missing_ok=True)
    return filled


def test_an_empty_registry(tmp_path: Path) -> None:
    instill("init", "kb", cwd=tmp_path)
    assert "no candidates yet" in instill("models", "list", cwd=tmp_path / "kb").stdout
    assert as_json("models", "list", cwd=tmp_path / "kb") == {"candidates": []}
    assert "No candidate is in use" in instill("models", "rollback", cwd=tmp_path / "kb", code=2).stderr
    assert "no such candidate" in instill("models", "show", "x", cwd=tmp_path / "kb", code=2).stderr


def test_promote_list_and_roll_back(kb: Path) -> None:
    said = instill("models", "promote", "dates", cwd=kb).stdout
    assert said == "In use for base from now on: dates-1.\n"
    instill("models", "promote", "tone", cwd=kb)
    lines = instill("models", "list", cwd=kb).stdout.splitlines()
    assert lines[2].split() == ["champion", "tone-1", "2026-01-01T00:00", "base", "full", "12", "passed", "dates-1"]
    assert lines[3].split() == ["worse-1", "2026-01-01T00:00", "base", "lora", "12", "rejected"]
    found = as_json("models", "list", cwd=kb)["candidates"]
    assert [(each["id"], each["champion"], each["gate"]) for each in found] == [
        ("dates-1", False, "passed"), ("tone-1", True, "passed"), ("worse-1", False, "rejected")
    ]  # fmt: skip
    assert "Before: tone-1." in instill("models", "rollback", cwd=kb).stdout
    change = as_json("models", "rollback", cwd=kb)
    assert (change["before"], change["champion"]) == ("dates-1", None)


def test_a_rejected_candidate_needs_force(kb: Path) -> None:
    refused = instill("models", "promote", "worse-1", cwd=kb, code=2).stderr
    assert "The gate rejected the candidate: it forgets 20%, at most 5%." in refused
    assert "--force" in refused
    instill("models", "promote", "worse-1", "--force", cwd=kb)
    record = json.loads((kb / ".instill" / "champion.json").read_text())
    [line] = record["bases"].values()
    assert line["history"][0]["forced"] is True
    instill("models", "rollback", "--base", "base", cwd=kb)


def test_show(kb: Path) -> None:
    shown = instill("models", "show", "worse", cwd=kb).stdout
    for part in ("worse-1", "12 (hash fedcba9876543210)", "2, as on the card", "method", "lora", "accuracy", "0.25",
                 "0.75", "failed  forgetting  it forgets 20%, at most 5%"):  # fmt: skip
        assert part in shown
    found = as_json("models", "show", "tone-1", cwd=kb)
    assert (found["parent"], found["reasons"], found["problem"]) == ("dates-1", ["kept for later"], "")
    assert "Did you mean tone-1" in instill("models", "show", "tnoe-1", cwd=kb, code=2).stderr


def test_diff(kb: Path) -> None:
    found = as_json("models", "diff", "dates", "tone", cwd=kb)
    assert found["differences"]["recipe"] == {"method": ["lora", "full"], "seed": [1, 2]}
    assert found["differences"]["base"] == found["differences"]["rows"] == found["differences"]["metrics"] == {}
    layers = {each["layer"]: each["norm"] for each in found["layers"]}
    assert list(layers) == ["embed_tokens", "layer 0", "layer 1", "norm"]
    assert layers["embed_tokens"] == 0 < layers["layer 0"]
    shown = instill("models", "diff", "dates", "worse", "--no-weights", cwd=kb).stdout.splitlines()
    assert shown[1].split() == ["recipe:", "seed", "1", "3"]
    shown_layers = instill("models", "diff", "dates", "worse", cwd=kb).stdout
    assert "norm of the difference" in shown_layers


def test_export(kb: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"messages": [{"role": "user", "content": "What is tea?"}]}\n')
    done = as_json(
        "models", "export", "dates", str(tmp_path / "out"), "--prompts", str(tmp_path / "rows.jsonl"), cwd=kb
    )
    assert (done["prompts"], done["form"]) == (1, "merged")
    assert (tmp_path / "out" / "model.safetensors").is_file()
    said = instill("models", "export", "dates", str(tmp_path / "adapter"), "--format", "adapter", cwd=kb).stdout
    assert "8 replies are equal" in said
    assert "--enable-lora --lora-modules dates-1=" in said
    assert "The folder is in use" in instill("models", "export", "dates", str(tmp_path), cwd=kb, code=2).stderr
    wrong = instill("models", "export", "dates", str(tmp_path / "x"), "--base", str(tmp_path), cwd=kb, code=2)
    assert "no config.json" in wrong.stderr


def test_a_champion_that_is_gone(kb: Path) -> None:
    instill("models", "promote", "dates", cwd=kb)
    place = kb / ".instill" / "adapters" / "dates-1"
    place.rename(kb / "away")
    assert "its folder is gone; run: instill models rollback" in instill("models", "list", cwd=kb).stdout
    instill("models", "rollback", cwd=kb)
    (kb / "away").rename(place)
    card = place / "card.json"
    before = card.read_text()
    card.write_text("{")
    assert "card is damaged" in instill("models", "list", cwd=kb).stdout
    assert "card is damaged" in instill("models", "promote", "dates", cwd=kb, code=4).stderr
    card.write_text(before)


def test_try_says_the_same_to_candidates_and_their_base(kb: Path) -> None:
    said = as_json("models", "try", "dates", "worse", "What is tea?", "--max-tokens", "6", cwd=kb)
    assert said["text"] == "What is tea?"
    assert [(each["name"], each["verdict"]) for each in said["replies"]] == [
        ("the base as it is", ""), ("dates-1", "passed"), ("worse-1", "rejected")
    ]  # fmt: skip
    assert len({each["text"] for each in said["replies"]}) == 3
    lines = instill("models", "try", "dates", "What is tea?", "--max-tokens", "6", cwd=kb).stdout.splitlines()
    assert lines[0] == "the base as it is"
    assert "dates-1 (passed)" in lines
    assert f"    {said['replies'][1]['text']}".splitlines()[0] in lines
    assert "Name a candidate" in instill("models", "try", "dates", cwd=kb, code=2).stderr
    assert "no such candidate" in instill("models", "try", "x", "Hi", cwd=kb, code=2).stderr


def test_the_export_of_a_rejected_candidate_says_so(kb: Path, tmp_path: Path) -> None:
    said = "The gate rejected this candidate; see: instill models show worse-1"
    done = instill("models", "export", "worse", str(tmp_path / "out"), "--format", "adapter", cwd=kb)
    assert done.stderr.startswith(f"note: {said}\nasking the candidate ...\n")  # Before it takes its time.
    assert said not in done.stdout
    found = as_json("models", "export", "worse", str(tmp_path / "ollama"), "--format", "ollama", cwd=kb)
    assert said in found["notices"]
    assert (tmp_path / "ollama" / "Modelfile").read_text().endswith(f"# {said}\n")
