"""The stored calibration: whole or not at all, noticed when it is stale, and never over the user's own threshold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from instill import Workspace
from instill.errors import WorkspaceError
from instill.fit.kept.threshold import (
    CALIBRATION_FILE,
    Calibration,
    identity_of,
    load_calibration,
    save_calibration,
    threshold_in_use,
)
from instill.settings import AnswerSettings, SearchSettings, Settings

CALIBRATION = Calibration(
    threshold=0.72, risk=0.1, confidence=0.95, coverage=0.4, asked=400, given=160, wrong=8, unanswerable=200,
    questions="written", documents=4, date="2026-03-01T10:00:00+00:00", identity=identity_of(Settings(), "e1"),
)  # fmt: skip


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    assert load_calibration(tmp_path) is None
    save_calibration(tmp_path, CALIBRATION)
    save_calibration(tmp_path, replace(CALIBRATION, threshold=0.8))
    assert load_calibration(tmp_path) == replace(CALIBRATION, threshold=0.8)
    assert [file.name for file in tmp_path.iterdir()] == [CALIBRATION_FILE]
    assert CALIBRATION.promise == (
        "Of the answers given, at most 10% are wrong (with 95% confidence, 400 questions on 2026-03-01)."
    )


@pytest.mark.parametrize("content", ["", "{", "[]", '{"threshold": 0.5}', "\x00", '{"threshold": "0.5"}'])
def test_a_damaged_file_is_named_and_not_used(tmp_path: Path, content: str) -> None:
    (tmp_path / CALIBRATION_FILE).write_text(content)
    with pytest.raises(WorkspaceError, match="damaged"):
        load_calibration(tmp_path)
    used = threshold_in_use(tmp_path, Settings(), "e1")
    assert (used.value, used.origin) == (0.5, "default")
    assert "instill calibrate" in used.notice


def test_values_out_of_range_are_damage(tmp_path: Path) -> None:
    save_calibration(tmp_path, replace(CALIBRATION, threshold=7.0))
    with pytest.raises(WorkspaceError, match="damaged"):
        load_calibration(tmp_path)


def test_a_calibration_that_fits_is_used_until_something_changes(tmp_path: Path) -> None:
    save_calibration(tmp_path, CALIBRATION)
    assert threshold_in_use(tmp_path, Settings(), "e1").value == 0.72
    for settings, encoder in (
        (Settings(), "e2"),
        (Settings(search=SearchSettings(vector_weight=0.7)), "e1"),
        (Settings(answer=AnswerSettings(passages=4)), "e1"),
    ):
        used = threshold_in_use(tmp_path, settings, encoder)
        assert (used.value, used.origin) == (0.5, "default")
        assert "changed since the calibration" in used.notice


def test_the_users_own_threshold_wins(tmp_path: Path) -> None:
    save_calibration(tmp_path, CALIBRATION)
    used = threshold_in_use(tmp_path, Settings(answer=AnswerSettings(threshold=0.5)), "e1")
    assert (used.value, used.origin, used.notice) == (0.5, "set", "")


def test_ask_and_status_use_it(tmp_path: Path, handbook: Path) -> None:
    question = "How long do customers have to return goods?"
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([str(handbook)])
        assert not workspace.ask(question).abstained
        identity = identity_of(workspace.settings, workspace.encoder.fingerprint)
        save_calibration(workspace.home, replace(CALIBRATION, threshold=0.999, identity=identity))
        answer, status = workspace.ask(question), workspace.status()
        assert (answer.abstained, answer.notices) == (True, ())
        assert (status.threshold, status.threshold_origin, status.promise) == (0.999, "calibrated", CALIBRATION.promise)
        save_calibration(workspace.home, CALIBRATION)
        answer, status = workspace.ask(question), workspace.status()
        assert not answer.abstained
        assert "instill calibrate" in answer.notices[0]
        assert (status.threshold, status.threshold_origin) == (0.5, "default")
