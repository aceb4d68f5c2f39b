from __future__ import annotations

import json
from pathlib import Path

import pytest

from instill.errors import WorkspaceError
from instill.registry.card import candidate_id, environment, read_card, write_card
from tests.registry.made import make_card


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
