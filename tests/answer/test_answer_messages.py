"""An error message that is asked about: what it means and what to do is shown with it."""

from __future__ import annotations

from pathlib import Path

from instill import Workspace

PAGE = """# Build server

## Cloning

You may see this when the build server clones:

```
fatal: remote helper 'depot' aborted the session
```

This happens when the depot helper cannot find its key.

1. Log in to the server.
2. Run this command:

```
depot login --key ci
```

## Cleaning

Old builds are removed after nine days.
"""


def test_the_remedy_comes_with_the_message(tmp_path: Path) -> None:
    (tmp_path / "build.md").write_text(PAGE)
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([str(tmp_path / "build.md")])
        answer = workspace.ask("fatal: remote helper 'depot' aborted the session")
    assert "cannot find its key" in answer.text
    assert "depot login --key ci" in answer.text
    assert "nine days" not in answer.text
    assert answer.short == ""
