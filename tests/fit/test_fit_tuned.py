"""Tuned values: stored, used where the user set nothing, noticed when stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill.errors import UsageError, WorkspaceError
from instill.fit.kept.tuned import TUNED_FILE, Tuned, apply_tuned, load_tuned, save_tuned, tuned_identity
from instill.settings import Settings, with_values


def stored(home: Path, values: dict[str, float], identity: str) -> None:
    save_tuned(home, Tuned(values, "Better.", "written", "2026-01-01T00:00:00+00:00", identity))


def test_values_are_used_where_the_user_set_none(tmp_path: Path) -> None:
    given = Settings(search={"rerank": 0.0})
    stored(tmp_path, {"search.vector_weight": 0.8, "search.rerank": 0.5}, tuned_identity(given, "e1"))
    settings, tuned, notice = apply_tuned(tmp_path, given, "e1")
    assert (settings.search.vector_weight, settings.search.rerank, notice) == (0.8, 0.0, "")
    assert tuned is not None
    assert given.search.vector_weight == 0.6


def test_another_encoder_makes_weights_stale_but_not_the_size(tmp_path: Path) -> None:
    given = Settings()
    values = {"search.vector_weight": 0.8, "documents.passage_tokens": 100}
    stored(tmp_path, values, tuned_identity(given, "e1", 100))
    settings, tuned, notice = apply_tuned(tmp_path, given, "e1")
    assert (settings.search.vector_weight, settings.documents.passage_tokens) == (0.8, 100)
    assert tuned is not None
    settings, tuned, notice = apply_tuned(tmp_path, given, "e2")
    assert (settings.search.vector_weight, settings.documents.passage_tokens, tuned) == (0.6, 100, None)
    assert "instill tune search" in notice


@pytest.mark.parametrize("content", ["{", "[]", '{"values": {}}'])
def test_a_damaged_file_is_told_of_and_not_used(tmp_path: Path, content: str) -> None:
    (tmp_path / TUNED_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(WorkspaceError, match="damaged"):
        load_tuned(tmp_path)
    settings, tuned, notice = apply_tuned(tmp_path, Settings(), "e1")
    assert (settings, tuned) == (Settings(), None)
    assert "damaged" in notice


def test_values_out_of_range_are_refused(tmp_path: Path) -> None:
    stored(tmp_path, {"search.rerank": 7.0}, "")
    with pytest.raises(WorkspaceError, match="damaged"):
        load_tuned(tmp_path)
    with pytest.raises(UsageError):
        with_values(Settings(), {"search.nothing": 1.0})


def test_no_file_changes_nothing(tmp_path: Path) -> None:
    assert apply_tuned(tmp_path, Settings(), "e1") == (Settings(), None, "")
