"""Who asks, for commands that need no index unless a caller with labels asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from instill.common.made_from import OWNER, Caller
from instill.settings.location import find_workspace


@contextmanager
def asked_by(workspace: str | None, label: list[str] | None) -> Iterator[tuple[Path, Caller]]:
    """The workspace's `.instill`, and who asks. While the block runs the caller can look documents up."""
    if label is None:
        yield find_workspace(workspace) / ".instill", OWNER
        return
    from instill.workspace import Workspace

    with Workspace.open(workspace) as opened:
        yield opened.home, opened.caller(label)
