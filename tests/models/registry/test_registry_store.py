from __future__ import annotations

from pathlib import Path

import pytest

from instill.errors import UsageError, WorkspaceError
from instill.models.registry import Registry
from instill.models.registry.card import GateResult
from tests.models.registry.made import make_adapter, make_base, make_card, make_weights


def test_an_added_candidate_is_there_whole(registry: Registry, base: Path, tmp_path: Path) -> None:
    run = make_adapter(tmp_path / "run")
    (run / "README.md").write_text("left out")
    card = registry.add(run, make_card("format-0123456789", base))
    assert sorted(card.files) == ["adapter_config.json", "adapter_model.safetensors"]
    found = registry.check("format-0123456789")
    assert found.card == card
    assert sorted(file.name for file in found.folder.iterdir()) == [*sorted(card.files), "card.json"]
    assert [each.name for each in registry.folder.iterdir()] == ["format-0123456789"]


def test_a_candidate_that_is_refused_leaves_nothing(registry: Registry, base: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "weights.safetensors").write_bytes(b"\x80\x04not safetensors")
    with pytest.raises(WorkspaceError, match="no safetensors file"):
        registry.add(tmp_path / "run", make_card("a-1", base))
    assert list(registry.folder.iterdir()) == []


def test_the_same_candidate_made_again_takes_the_place(registry: Registry, base: Path, tmp_path: Path) -> None:
    registry.add(make_weights(tmp_path / "run", 1.0), make_card("a-1", base))
    second = registry.add(make_weights(tmp_path / "run", 2.0), make_card("a-1", base, passed=False))
    assert registry.check("a-1").card == second
    assert registry.ids() == [each.name for each in registry.folder.iterdir()] == ["a-1"]


def test_what_a_killed_process_left_is_cleaned_up(registry: Registry, base: Path, tmp_path: Path) -> None:
    registry.add(make_weights(tmp_path / "run"), make_card("a-1", base))
    registry.add(make_weights(tmp_path / "run"), make_card("b-1", base))
    (registry.folder / ".draft-c-1").mkdir()
    (registry.folder / "a-1").rename(registry.folder / ".replaced-a-1")  # killed between the two renames
    assert registry.ids() == ["b-1"]
    registry.add(make_weights(tmp_path / "run"), make_card("d-1", base))
    assert sorted(each.name for each in registry.folder.iterdir()) == ["a-1", "b-1", "d-1"]
    registry.check("a-1")


def test_references(registry: Registry, base: Path, tmp_path: Path) -> None:
    for id_ in ("format-0123", "format-0456", "tone-0123"):
        registry.add(make_weights(tmp_path / "run"), make_card(id_, base))
    assert registry.get("tone").card.id == "tone-0123"
    assert registry.get("format-01").card.id == "format-0123"
    with pytest.raises(UsageError, match="2 candidates begin like this"):
        registry.get("format")
    with pytest.raises(UsageError, match="Did you mean tone-0123"):
        registry.get("tnoe-0123")
    for reference in ("", "nothing like it", "../base", ".draft"):
        with pytest.raises(UsageError, match="no such candidate"):
            registry.get(reference)


def test_entries_name_those_that_cannot_be_read(registry: Registry, base: Path, tmp_path: Path) -> None:
    registry.add(make_weights(tmp_path / "run"), make_card("late-1", base, made="2026-02-01T00:00:00Z"))
    registry.add(make_weights(tmp_path / "run"), make_card("early-1", base))
    registry.add(make_weights(tmp_path / "run"), make_card("broken-1", base))
    (registry.folder / "broken-1" / "card.json").write_text("{")
    (registry.folder / "early-1").rename(registry.folder / "other-1")
    found = [(entry.id, entry.problem[:24]) for entry in registry.entries()]
    assert found == [("late-1", ""), ("broken-1", "The candidate's card is "), ("other-1", "The card is of another c")]


def test_what_was_measured_later_goes_onto_the_card(registry: Registry, base: Path, tmp_path: Path) -> None:
    registry.add(make_weights(tmp_path / "run"), make_card("a-1", base, passed=None))
    registry.update("a-1", gate=GateResult(passed=False), reasons=["forgets too much"])
    found = registry.check("a-1").card
    assert (found.verdict, found.reasons, found.recipe) == ("rejected", ("forgets too much",), {"epochs": 2})


def test_a_base_that_moved_away_does_not_matter(registry: Registry, base: Path, tmp_path: Path) -> None:
    registry.add(make_weights(tmp_path / "run"), make_card("a-1", base))
    base.rename(tmp_path / "elsewhere")
    registry.check("a-1")
    make_base(base)
