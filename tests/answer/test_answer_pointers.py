"""What only says where something is treated gives way to the place where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill import Workspace
from instill.answer.found.introductions import points_elsewhere

GUIDE = """# Tests

Tests can be marked to be ignored. We’ll explain how you run only the ignored tests in the section “Slow ones” later in
this chapter.

# Slow ones

The test `expensive` is listed as ignored. If we want to run only the ignored tests, we can use this:

```
mill test -- --ignored
```
"""


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("We will look at ovens in Chapter 4.", True),
        ("Ovens are described in a separate document.", True),
        ("How it is done is explained below.", True),
        ("You will see the oven when you enter.", False),
        ("The chapter on ovens is long.", False),
        ("Ovens are described in German.", False),
    ],
)
def test_what_points_elsewhere(text: str, points: bool) -> None:
    assert points_elsewhere(text) is points


def test_the_place_itself_comes_first(tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text(GUIDE, encoding="utf-8")
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([tmp_path / "guide.md"])
        answer = workspace.ask("How can I run only tests that are marked to be ignored?")
    assert "mill test -- --ignored" in answer.claims[0].text
