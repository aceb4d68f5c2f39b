"""Whose documents a candidate was made from decides for whom it answers; and the lock, whatever happens under it."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from instill.common.made_from import Caller, MadeFrom, Source
from instill.errors import UsageError
from instill.models.registry import Champions, Registry
from instill.models.registry.adapter_in_use import may_be_used_for
from instill.models.registry.lock import registry_lock
from tests.models.registry.made import make_card, make_weights

OWNER, HR, STAFF, NOBODY = (Caller(labels) for labels in (None, ("hr",), ("staff",), ()))


def documents(*labels: str) -> MadeFrom:
    return MadeFrom(tuple(Source(f"d-{label}", "h", (label,)) for label in labels))


@pytest.fixture
def filled(registry: Registry, base: Path, tmp_path: Path) -> Registry:
    """A candidate from a document of hr, one from one of staff, and one of which nothing is known."""
    for id_, made in (("hr-1", documents("hr")), ("staff-1", documents("staff")), ("old-1", None)):
        card = make_card(id_, base, documents=None if made is None else made.as_json())
        registry.add(make_weights(tmp_path / "run"), card)
    return registry


def used(registry: Registry, setting: str) -> list[bool]:
    return [may_be_used_for(caller, registry.home, setting) for caller in (OWNER, HR, STAFF, NOBODY)]


def test_a_candidate_answers_those_who_may_see_all_that_it_was_made_from(filled: Registry) -> None:
    assert used(filled, "hr-1") == [True, True, False, False]
    assert used(filled, "staff") == [True, False, True, False]
    assert used(filled, "old-1") == [True, False, False, False]
    assert used(filled, "none") == used(filled, "") == [True] * 4
    with pytest.raises(UsageError, match="no such candidate"):
        used(filled, "other")


def test_of_several_bases_every_champion_counts(filled: Registry, base: Path, tmp_path: Path) -> None:
    assert used(filled, "champion") == [True] * 4  # the base as it is
    champions = Champions(filled)
    champions.promote("hr-1")
    assert used(filled, "champion") == [True, True, False, False]
    other = make_card("o-1", base, documents=documents("staff").as_json())
    filled.add(
        make_weights(tmp_path / "run"), other.model_copy(update={"base": other.base.model_copy(update={"hash": "ff"})})
    )
    champions.promote("o-1")
    assert used(filled, "champion") == [True, False, False, False]
    assert may_be_used_for(Caller(("hr", "staff")), filled.home, "champion")
    champions.rollback("ff")
    champions.rollback()
    assert used(filled, "champion") == [True] * 4


def test_documents_that_are_found_out_later_go_onto_the_card(filled: Registry) -> None:
    before = filled.get("old-1").card
    card = filled.update("old-1", documents=documents("hr"))
    assert filled.get("old-1").card == card == before.model_copy(update={"documents": documents("hr").as_json()})
    assert used(filled, "old-1") == [True, True, False, False]


def test_the_lock_is_free_again_after_an_error_that_somebody_keeps(tmp_path: Path) -> None:
    kept = []
    try:
        with registry_lock(tmp_path):
            other = FileLock(tmp_path / "registry.lock", timeout=0)
            with pytest.raises(TimeoutError):
                other.acquire()
            raise ValueError("whatever")
    except ValueError as error:
        kept.append(error)  # with the frames that it went through
    with other:
        assert other.is_locked
    with registry_lock(tmp_path):
        assert kept
