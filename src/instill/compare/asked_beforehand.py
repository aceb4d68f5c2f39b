"""Which questions a comparison will ask, before it begins: for the command's `--dry-run` and the service's dialog.

They are the very questions that it asks then. Of questions that people judged, the study set is made as the comparison
makes it, and not kept: only that tells how many are left out, and which are kept for the audit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from instill.common.plurals import are, counted
from instill.compare.asking_arms import TASKS, groups_by_need, need_of, questions_of
from instill.compare.duration import rows_of
from instill.compare.said_beforehand import say_by_need
from instill.study.questions_from_people import PEOPLE

if TYPE_CHECKING:
    from instill.compare.plan import ComparePlan
    from instill.study.stored_study import StoredStudy
    from instill.study.study_making import Made
    from instill.study.study_workspace import StudiedWorkspace
    from instill.study.types import AskedQuestion

FACTS = 200
"""At most so many facts are in a study set that a comparison makes for itself."""

_MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class AskedBeforehand:
    """What a comparison asks.

    Args:
        groups: the fact of each question, by the need that it decides; see `say_by_need`.
        rows: that a model would be trained on; 0 where none is.
        judged: what becomes of the questions that people judged, in sentences; "" where others are asked.
    """

    groups: Mapping[str, Sequence[str]]
    rows: int = 0
    judged: str = ""

    @property
    def count(self) -> int:
        """How many questions are asked of each arm."""
        return sum(map(len, self.groups.values()))

    def shows(self, plan: ComparePlan, arms: Sequence[str]) -> str:
        """What the questions can show, in sentences."""
        said = say_by_need(self.groups, [plan.known[name] for name in arms], wanted=plan.wanted) if self.count else ""
        return f"{self.judged} {said}".strip()


def asked_of_study(study: StoredStudy, plan: ComparePlan) -> AskedBeforehand:
    """The questions of a study set. Its audit stays sealed: of it only the numbers are known.

    Raises:
        UsageError: there is nothing to ask.
    """
    if not plan.audit:
        groups = groups_by_need(questions_of(study, most=plan.questions, seed=plan.seed))
        return AskedBeforehand(groups, rows_of(study, plan))
    found: dict[str, list[str]] = {}
    for phrasing, task in TASKS.items():
        count = study.card.items.get("audit", {}).get(phrasing, 0)
        found.setdefault(need_of(task), []).extend(f"{phrasing} {number}" for number in range(count))
    share = min(1.0, (plan.questions or 10**9) / max(1, sum(map(len, found.values()))))
    return AskedBeforehand({need: own[: round(share * len(own))] for need, own in found.items() if own},
                           rows_of(study, plan))  # fmt: skip


def asked_of_judged(workspace: StudiedWorkspace, judged: Sequence[AskedQuestion], plan: ComparePlan) -> AskedBeforehand:
    """Those of the questions that people judged of which a study set is made now; nothing is kept.

    Raises:
        UsageError: none of them can be used.
    """
    from instill.study.study_making import StudySettings
    from instill.study.study_workspace import made_of_workspace

    made = made_of_workspace(workspace, StudySettings(most_facts=FACTS), questions=judged)
    chosen = [item for item in made.study.items if item.split == ("audit" if plan.audit else "gate")]
    rows = len(made.rows) if plan.tuning is not None else 0
    return AskedBeforehand(groups_by_need(chosen), rows, say_of_judged(made, len(judged), audit=plan.audit))


def say_of_judged(made: Made, judged: int, *, audit: bool = False) -> str:
    """What becomes of the questions that people judged, with the reasons why some are left out."""
    splits = Counter(item.split for item in made.study.items if item.writer == PEOPLE)
    asked, kept, taught = (
        splits[each] for each in (("audit", "gate", "train") if audit else ("gate", "audit", "train"))
    )
    said = f"Of {counted(judged, 'judged question')} {asked} {are(asked)} asked"
    if kept:
        said += f"; {kept} {are(kept)} {'left to the gate' if audit else 'kept back for a later check (the audit)'}"
    if taught:
        said += f"; {taught} {are(taught)} only trained on"
    out = judged - asked - kept - taught
    if out > 0:
        said += f"; {out} cannot be used"
    reasons = Counter(each.reason for each in made.left_out).most_common(_MOST_REASONS)
    why = "; ".join(f"{count}: {reason}" for reason, count in reasons)
    return f"{said}{f' ({why})' if out > 0 and why else ''}."
