"""A question for two things has no short answer that says one of them."""

from __future__ import annotations

from pathlib import Path

from instill import Workspace


def test_half_of_what_is_asked_is_no_short_answer(tmp_path: Path) -> None:
    (tmp_path / "mill.md").write_text(
        "# The mill\n\nThe mill of Alba was founded by Marta Lind in 1931.\n", encoding="utf-8"
    )
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([tmp_path / "mill.md"])
        assert workspace.ask("In what year was the mill of Alba founded?").short == "1931"
        both = workspace.ask("Who founded the mill of Alba and in what year?")
    assert both.short == ""
    assert "Marta Lind in 1931" in both.text
