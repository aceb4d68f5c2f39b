"""Study sets and comparisons whose questions people asked: they are shown to who may read these questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instill.errors import InstillError, UsageError
from instill.server.errors import unknown
from instill.server.service import Seen
from instill.study.questions_from_people import PEOPLE
from instill.study.stored_study import MEMORY_WRITER, StoredStudy, checked_lines, items_file, open_study
from instill.study.study_set import SPLITS, LeftOut, StudyItem
from instill.workspace.replies import Studies, studies_of


def studies_for(seen: Seen) -> Studies:
    """The study sets whose documents and questions the caller may see, oldest first."""
    found = studies_of(seen.workspace.home, seen.caller)
    return Studies(studies=[each for each in found.studies if reads(seen, str(each["writer"]), str(each["id"]))])


def study_for(seen: Seen, study_id: str) -> StoredStudy:
    """One of them.

    Raises:
        Refused: 404, there is none that the caller may see.
    """
    try:
        found = open_study(seen.workspace.home, study_id, seen.caller)
    except UsageError as error:
        raise unknown("No study set has this id.", study_id[:80], "List them: GET /api/studies") from error
    if not reads(seen, found.card.writer, found.card.id):
        raise unknown("No study set has this id.", study_id[:80], "List them: GET /api/studies")
    return found


def left_out_for(seen: Seen, study: StoredStudy) -> list[LeftOut]:
    """The questions of people that are not in the study set, of those that the caller may read."""
    found = study.left_out()
    if seen.own_questions is None and seen.labels is None:
        return found
    read = seen.feedback.wordings()
    return [each for each in found if each.question.lower() in read]


def reads_report(seen: Seen, numbers: Mapping[str, Any]) -> bool:
    """Whether the caller may read the questions of a comparison, of which the report shows some.

    Args:
        numbers: of its `report.json`.
    """
    about = numbers.get("about")
    made = str(about.get("study set", "")) if isinstance(about, Mapping) else ""
    study_id, _, writer = made.partition(", written by ")
    return reads(seen, writer, study_id)


def reads(seen: Seen, writer: str, study_id: str) -> bool:
    """Whether the caller may read the questions of a study set by this writer. Those that people asked are read by who
    sees each of them in the log of questions; those of a consolidation by who looks after the documents."""
    if writer == MEMORY_WRITER:
        return seen.own_questions is None
    if writer != PEOPLE or (seen.own_questions is None and seen.labels is None):
        return True
    try:
        study = open_study(seen.workspace.home, study_id, seen.caller)
        items = [item for split in SPLITS for item in checked_lines(study, items_file(split), StudyItem)]
    except InstillError:
        return False
    read = seen.feedback.wordings()
    return all(item.question.lower() in read for item in items if item.writer == PEOPLE)
