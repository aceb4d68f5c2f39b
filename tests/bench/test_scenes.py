"""A few simulated days: what recurs is written into weights, and the report shows every arm."""

from __future__ import annotations

from pathlib import Path

import scenes
import scenes_page


def test_some_days_with_edits_and_without(tmp_path: Path) -> None:
    found = scenes.live(tmp_path, 0, ["nothing", "cache", "edits"], days=5, people=1, replay_rows=20, skill_rows=12)
    by_arm = {each["arm"]: each for each in found["evenings"]}
    assert list(by_arm) == ["nothing", "cache", "edits"]
    assert {each["day"] for each in found["evenings"]} == {5}
    assert by_arm["nothing"]["recurring"] == 0  # Nobody told it.
    assert by_arm["cache"]["recurring"] == 0  # It knows the same words only.
    assert by_arm["edits"]["recurring"] >= 0.5
    assert by_arm["edits"]["once"] <= 0.5
    assert by_arm["nothing"]["skills"] > 0.7
    assert found["stale"] == {"nothing": 0, "cache": 0, "edits": 0}
    assert found["seconds"]["edits"] > 0
    told = scenes_page.summary([found]).splitlines()
    assert [line.split(" | ")[0] for line in told[2:]] == ["| nothing", "| cache", "| edits"]
    scenes_page.write_pictures([found], tmp_path / "pictures")
    drawn = (tmp_path / "pictures" / "scenes-end.svg").read_text()
    assert all(name in drawn for name in (*by_arm, "facts that recur"))
