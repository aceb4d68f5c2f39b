"""Reports of comparisons on disk: `.instill/reports/<id>/`, a page for people and the numbers for machines."""

from __future__ import annotations

import shutil
from pathlib import Path

from instill.common.durable_files import write_json
from instill.common.made_from import keep_beside
from instill.common.purges import keeping
from instill.compare.comparing import Compared
from instill.compare.report.page import as_html
from instill.compare.report.text import as_dict
from instill.errors import ForgottenMeanwhile

PAGE, NUMBERS = "report.html", "report.json"


def save(compared: Compared, folder: Path) -> Path:
    """Write page and numbers; the page's path.

    Args:
        folder: is made; what an earlier run wrote there is replaced.

    Raises:
        ForgottenMeanwhile: a document that it was made from was forgotten or purged; nothing of it is kept.
        OSError: the folder cannot be written.
    """
    try:
        with keeping(compared.folder.parents[1], compared.made_from, compared.since):
            folder.mkdir(parents=True, exist_ok=True)
            keep_beside(folder, compared.made_from)
            (folder / PAGE).write_text(as_html(compared.report), encoding="utf-8")
            write_json(folder / NUMBERS, as_json(compared))
    except ForgottenMeanwhile:
        shutil.rmtree(compared.folder, ignore_errors=True)  # Its replies and prompts hold words of the document too.
        raise
    return folder / PAGE


def as_json(compared: Compared) -> dict[str, object]:
    """The report's numbers, where the single outcomes are, who won conflicts, formats and tones, and the judge's."""
    return {
        **as_dict(compared.report),
        "beforehand": compared.beforehand,
        "duration": compared.duration.as_dict(),
        "conflict_winners": [each.as_dict() for each in compared.report.conflicts],
        "examples": dict(compared.examples),
        "judge": compared.judge,
        "outcomes": str(compared.folder),
    }
