"""An answer says when a file that it quotes has changed since it was read."""

from __future__ import annotations

import os
from pathlib import Path

from instill import Workspace

QUESTION = "For how many days does the library lend a book?"


def test_a_file_that_changed_is_named_until_it_is_read_again(tmp_path: Path) -> None:
    page = tmp_path / "loans.md"
    page.write_text("# Loans\n\nThe library lends a book for 21 days.\n", encoding="utf-8")
    said = (
        "The file loans.md has changed since it was read: what is quoted here may be old. Read it again: instill sync"
    )
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([page])
        assert workspace.ask(QUESTION).notices == ()

        os.utime(page, (page.stat().st_atime, page.stat().st_mtime + 60))  # Touched, and the same.
        assert workspace.ask(QUESTION).notices == ()

        page.write_text("# Loans\n\nThe library lends a book for 35 days.\n", encoding="utf-8")
        os.utime(page, (page.stat().st_atime, page.stat().st_mtime + 120))
        before = workspace.ask(QUESTION)
        assert "21 days" in before.text
        assert said in before.notices
        assert workspace.ask("Who is the king of Spain?").abstained

        workspace.sync()
        after = workspace.ask(QUESTION)
        assert "35 days" in after.text
        assert after.notices == ()

        page.unlink()
        assert workspace.ask(QUESTION).notices == ()
