from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from instill.errors import UsageError, WorkspaceError
from instill.models.registry import Champions, Registry
from instill.models.registry.adapter_in_use import adapter_for
from instill.models.registry.card import Base, Condition, GateResult
from tests.models.registry.made import BASE_HASH, make_card, make_weights


@pytest.fixture
def champions(registry: Registry, base: Path, tmp_path: Path) -> Champions:
    """With three candidates that the gate passed."""
    for value, id_ in enumerate(("a-1", "b-1", "c-1")):
        registry.add(make_weights(tmp_path / "run", float(value)), make_card(id_, base))
    return Champions(registry)


def test_promotions_and_rollbacks_are_kept(champions: Champions) -> None:
    assert champions.champion(BASE_HASH) is None
    assert champions.promote("a").before is None
    assert champions.promote("b").before == "a-1"
    assert champions.champion(BASE_HASH) == "b-1"
    assert champions.rollback().champion == "a-1"
    champions.promote("c")
    assert champions.rollback().champion == "a-1"
    assert champions.rollback().champion is None
    line = champions.lines()[BASE_HASH]
    assert [(event.action, event.before, event.champion, event.forced) for event in line.history] == [
        ("promote", None, "a-1", False),
        ("promote", "a-1", "b-1", False),
        ("rollback", "b-1", "a-1", False),
        ("promote", "a-1", "c-1", False),
        ("rollback", "c-1", "a-1", False),
        ("rollback", "a-1", None, False),
    ]
    with pytest.raises(UsageError, match="No candidate is in use"):
        champions.rollback()


def test_promoting_the_champion_changes_nothing(champions: Champions) -> None:
    champions.promote("a")
    assert champions.promote("a").notices == ("a-1 is in use already.",)
    assert len(champions.lines()[BASE_HASH].history) == 1


def test_rollback_needs_no_sound_champion_and_skips_damaged_ones(champions: Champions, registry: Registry) -> None:
    for id_ in ("a", "b", "c"):
        champions.promote(id_)
    shutil.rmtree(registry.folder / "c-1")
    (registry.folder / "b-1" / "weights.safetensors").write_bytes(b"damaged")
    change = champions.rollback()
    assert (change.before, change.champion) == ("c-1", "a-1")
    [notice] = change.notices
    assert notice.startswith("b-1 was skipped. The candidate is refused: weights.safetensors has another content")
    assert champions.lines()[BASE_HASH].line == ("a-1",)


def test_rollback_to_the_base_when_every_ancestor_is_damaged(champions: Champions, registry: Registry) -> None:
    champions.promote("a")
    champions.promote("b")
    shutil.rmtree(registry.folder)
    change = champions.rollback()
    assert (change.champion, len(change.notices)) == (None, 1)


def test_a_damaged_candidate_is_never_promoted(champions: Champions, registry: Registry) -> None:
    (registry.folder / "a-1" / "weights.safetensors").write_bytes(b"damaged")
    with pytest.raises(WorkspaceError, match="another content"):
        champions.promote("a-1", force=True)
    assert champions.lines() == {}


def test_the_gate_is_overruled_only_on_request(registry: Registry, base: Path, tmp_path: Path) -> None:
    conditions = (Condition(name="gain", passed=True), Condition(name="forgetting", passed=False, said="it forgets 9%"))
    gate = GateResult(passed=False, conditions=conditions)
    registry.add(make_weights(tmp_path / "run"), make_card("bad-1", base, gate=gate))
    registry.add(make_weights(tmp_path / "run"), make_card("new-1", base, passed=None))
    champions = Champions(registry)
    with pytest.raises(UsageError, match=r"The gate rejected the candidate: it forgets 9%\. .*force=True"):
        champions.promote("bad")
    with pytest.raises(UsageError, match="not measured by the gate"):
        champions.promote("new")
    assert champions.lines() == {}
    champions.promote("bad", force=True)
    champions.promote("new", force=True)
    # What the gate passed is not forced, even where that was allowed.
    registry.add(make_weights(tmp_path / "run"), make_card("good-1", base))
    champions.promote("good", force=True)
    history = champions.lines()[BASE_HASH].history
    assert [(event.champion, event.forced) for event in history] == [
        ("bad-1", True),
        ("new-1", True),
        ("good-1", False),
    ]


def test_each_base_has_its_own_champion(champions: Champions, registry: Registry, base: Path, tmp_path: Path) -> None:
    other = Base(name="other", folder=str(base), hash="ffff")
    registry.add(make_weights(tmp_path / "run"), make_card("o-1", base, base=other))
    champions.promote("a")
    champions.promote("o")
    with pytest.raises(UsageError, match="Several bases"):
        champions.rollback()
    with pytest.raises(UsageError, match="for this base"):
        champions.rollback("third")
    assert champions.rollback("other").before == "o-1"
    assert champions.champion(BASE_HASH) == "a-1"
    assert champions.rollback(BASE_HASH[:6]).before == "a-1"


def test_a_damaged_record_is_reported(champions: Champions, registry: Registry) -> None:
    for content in ("{", "[]", '{"version": 2, "bases": {}}', '{"bases": {"x": {"base": "b", "line": ["../../x"]}}}'):
        (registry.home / "champion.json").write_text(content)
        with pytest.raises(WorkspaceError, match="record of champions is damaged"):
            champions.champion(BASE_HASH)


def test_which_candidate_a_generator_uses(champions: Champions, registry: Registry) -> None:
    home = registry.home
    assert adapter_for(home, "champion") is None
    champions.promote("a")
    assert adapter_for(home, "none") is None
    of = adapter_for(home, "champion")
    assert of is not None
    assert of(BASE_HASH) == registry.folder / "a-1"
    assert of("another base") is None
    named = adapter_for(home, "b")
    assert named is not None
    assert named(BASE_HASH) == registry.folder / "b-1"
    with pytest.raises(WorkspaceError, match="made for another model"):
        named("another base")
    with pytest.raises(UsageError, match="no such candidate"):
        adapter_for(home, "z")
    (registry.folder / "a-1" / "weights.safetensors").write_bytes(b"damaged")
    with pytest.raises(WorkspaceError, match="another content"):
        of(BASE_HASH)
