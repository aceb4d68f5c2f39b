from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from instill.errors import WorkspaceError
from instill.models.registry.card import (
    Base,
    Card,
    Condition,
    GateResult,
    Rows,
    candidate_id,
    environment,
    gate_notice,
    now,
    read_card,
    write_card,
)
from tests.models.registry.made import make_card


def test_a_card_comes_back_as_it_was_written(tmp_path: Path) -> None:
    card = make_card("format-0123456789", tmp_path, files={"weights.safetensors": "0" * 64}, parent="format-9876543210")
    write_card(tmp_path, card)
    assert read_card(tmp_path) == card
    assert card.verdict == "passed"


def test_what_a_later_version_added_is_kept(tmp_path: Path) -> None:
    write_card(tmp_path, make_card("a-1", tmp_path))
    content = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps(content | {"audit": "later"}))
    write_card(tmp_path, read_card(tmp_path))
    assert json.loads((tmp_path / "card.json").read_text())["audit"] == "later"


@pytest.mark.parametrize("id_", ["../a", "a/b", ".a", "", "a\n", "a b", "a" * 101])
def test_an_id_that_is_no_plain_name_is_refused(tmp_path: Path, id_: str) -> None:
    write_card(tmp_path, make_card("a-1", tmp_path))
    content = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps(content | {"id": id_}))
    with pytest.raises(WorkspaceError, match="damaged: id"):
        read_card(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\x80\x04", b"[" * 100_000])
def test_a_damaged_card_is_reported(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "card.json").write_bytes(content)
    with pytest.raises(WorkspaceError, match="card is damaged"):
        read_card(tmp_path)


def test_the_id_depends_on_all_that_makes_a_candidate() -> None:
    ids = {
        candidate_id("a", base_hash=base, rows_hash=rows, recipe={"epochs": epochs}, seed=seed)
        for base in "xy" for rows in "xy" for epochs in (1, 2) for seed in (0, 1)
    }  # fmt: skip
    assert len(ids) == 16
    one = candidate_id("a", base_hash="x", rows_hash="y", recipe={"b": 1, "a": 2}, seed=0)
    assert one == candidate_id("a", base_hash="x", rows_hash="y", recipe={"a": 2, "b": 1}, seed=0)


def test_the_environment_names_versions() -> None:
    found = environment()
    assert found["python"].startswith("3.")
    assert found["instill"]


def test_a_card_of_a_whole_16_mb_is_read_and_a_longer_one_or_a_link_is_not(tmp_path: Path) -> None:
    write_card(tmp_path, make_card("a-1", tmp_path))
    file = tmp_path / "card.json"
    content = file.read_bytes()
    file.write_bytes(content.ljust(16_000_000))
    assert read_card(tmp_path).id == "a-1"
    file.write_bytes(content.ljust(16_000_001))
    with pytest.raises(WorkspaceError, match="damaged: it is longer than 16,000,000 bytes"):
        read_card(tmp_path)
    file.rename(tmp_path / "other.json")
    (tmp_path / "other.json").write_bytes(content)
    file.symlink_to(tmp_path / "other.json")
    with pytest.raises(WorkspaceError, match="damaged"):
        read_card(tmp_path)


def test_a_card_does_not_change(tmp_path: Path) -> None:
    card = make_card("a-1", tmp_path)
    for part, name in ((card, "seed"), (card.base, "hash"), (card.rows, "count"), (card.gate, "passed")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, name, 1)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Dates to ISO", "dates-to-iso"),
        ("--x--", "x"),
        ("…", "candidate"),
        ("a" * 100, "a" * 80),
        ("é and 7", "and-7"),
    ],
)
def test_a_name_becomes_the_beginning_of_an_id(name: str, slug: str) -> None:
    made = candidate_id(name, base_hash="x", rows_hash="y", recipe={}, seed=0)
    assert re.fullmatch(re.escape(slug) + "-[0-9a-f]{10}", made)


def test_a_gate_changes_no_weights_and_so_no_id() -> None:
    def made(recipe: dict[str, object]) -> str:
        return candidate_id("a", base_hash="x", rows_hash="y", recipe=recipe, seed=0)

    assert made({"epochs": 2, "gate": {"rows": "a"}}) == made({"epochs": 2})
    assert made({"epochs": 2, "gates": {"rows": "a"}}) != made({"epochs": 2})


def test_a_package_that_is_not_there_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        return real("no such package" if name == "peft" else name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = environment()
    assert found["peft"] == ""
    assert re.fullmatch(r"\S+ \S+, \d+ cores.*", found["machine"])


def test_times_are_utc_to_the_second() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", now())


def test_what_the_gate_said(tmp_path: Path) -> None:
    said = [make_card("a-1", tmp_path, passed=passed).verdict for passed in (True, False, None)]
    assert said == ["passed", "rejected", "not measured"]


def test_a_folder_without_a_card_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="The candidate has no card") as caught:
        read_card(tmp_path)
    assert caught.value.where == str(tmp_path)


@pytest.mark.parametrize(
    ("outcomes", "verdict", "says"),
    [
        (["passed", "undecided"], "not proven yet", "not proven yet"),
        (["failed", "undecided"], "rejected", "rejected"),
        ([""], "rejected", "rejected"),  # An older card.
        (["passed"], "passed", ""),
    ],
)
def test_what_is_not_proven_is_not_rejected(outcomes: list[str], verdict: str, says: str) -> None:
    conditions = tuple(Condition(name="gain", passed=each == "passed", outcome=each) for each in outcomes)
    gate = GateResult(passed=all(each.passed for each in conditions), conditions=conditions)
    base = Base(name="m", folder="/m", hash="0a")
    card = Card(id="a", made="", base=base, rows=Rows(hash="1b", count=9), recipe={}, seed=0, gate=gate)
    assert card.verdict == verdict
    assert says in gate_notice(card)
    assert bool(gate_notice(card)) == bool(says)
