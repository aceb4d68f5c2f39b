"""The one way to the audit split. Training and gates do not import this file; a test checks that."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from instill.study.stored_study import OPENINGS_FILE, AuditSealed, StoredStudy, checked_lines, items_file
from instill.study.study_set import StudyItem


def open_audit(study: StoredStudy, *, unseal: bool, why: str) -> list[StudyItem]:
    """The questions of the audit split. Each opening is written down in the set's folder, where it can be written.

    Args:
        unseal: must be True.
        why: for people who ask later: "compare", "shown".

    Raises:
        AuditSealed: `unseal` is False.
        WorkspaceError: the file is not as it was written.
    """
    if not unseal:
        raise AuditSealed(
            "The audit split is sealed.",
            where=str(study.folder),
            remedy="Open it only to judge at the end, never to choose: what was looked at no longer tests anything.",
        )
    items = checked_lines(study, items_file("audit"), StudyItem)
    line = json.dumps({"opened": datetime.now(UTC).isoformat(timespec="seconds"), "why": why}, ensure_ascii=False)
    try:
        with (study.folder / OPENINGS_FILE).open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
    except OSError:
        pass  # Read-only storage.
    return items


def openings(study: StoredStudy) -> list[dict[str, str]]:
    """When the audit was opened and why, oldest first; none of a set that nobody audited."""
    try:
        lines = (study.folder / OPENINGS_FILE).read_text(encoding="utf-8").split("\n")
    except OSError:
        return []
    return [dict(json.loads(line)) for line in lines if line]
