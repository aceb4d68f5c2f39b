"""The part of a comparison that measures what the fine-tuned arms forgot; measured once, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from instill.common.durable_files import write_json
from instill.compare.arms.passages import Passages
from instill.compare.comparison_setting import ComparisonSetting
from instill.compare.report.types import Kept
from instill.compare.tuned.skill_rows import reading_rows_of, refusal_rows_of
from instill.compare.tuned.skills_lost import forgetting
from instill.models.generators.generator_by_word import local_base
from instill.study.study_set import digest

if TYPE_CHECKING:
    from instill.train.generator.data.rows import Row

MOST_ROWS = 100
"""On which reading and refusing are measured."""

_FOUND = TypeAdapter(list[Kept])


def measure_forgetting(setting: ComparisonSetting) -> list[Kept]:
    """What each candidate lost of what the base can do; none where nothing was trained.

    Raises:
        WorkspaceError: a candidate or a file of the study set is damaged.
    """
    trained, plan = setting.trained, setting.plan
    if not trained.by_arm:
        return []
    # Base, candidates, wording, study set and documents are in the comparison's identity.
    rows = [dict(row) for row in trained.retention]
    file = setting.folder / f"forgetting-{digest([rows, plan.rules.level, plan.unknown, MOST_ROWS])}.json"
    known = _kept(file)
    if known is not None:
        return known
    setting.watch.stage("measuring what was forgotten")
    setting.line_up.release()  # The base is opened here, and then each candidate.
    passages = Passages(setting.workspace, setting.study.facts())
    unknown = plan.unknown or ""
    found = forgetting(
        Path(local_base(setting.workspace.settings.generator)),
        {arm: [each.folder] for arm, each in trained.by_arm.items()},
        retention=_rows(trained.retention),
        reading=reading_rows_of(setting.study, passages, plan.wording, most=MOST_ROWS, seed=plan.seed),
        refusals=refusal_rows_of(
            setting.study, passages, plan.wording, unknown=unknown, most=MOST_ROWS, seed=plan.seed
        ),
        level=plan.rules.level,
        cites=plan.wording.cites,
        told=setting.watch.progress,
    )
    write_json(file, _FOUND.dump_python(found, mode="json"))
    return found


def _kept(file: Path) -> list[Kept] | None:
    """What was measured before; a file that cannot be used is written anew."""
    try:
        return _FOUND.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def _rows(lines: Sequence[Any]) -> list[Row]:
    from instill.train.generator.data.rows import row_of

    return [row_of(line, f"row {number}") for number, line in enumerate(lines, 1)]
