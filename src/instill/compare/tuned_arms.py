"""Trains what the fine-tuned arms need: the facts by heart, and reading among distractors, both with replay."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instill.compare.line_up import BASE, opened
from instill.compare.passages import Passages
from instill.compare.plan import AWARE, BOTH, TUNED, ComparePlan
from instill.compare.reading_rows import reading_rows
from instill.compare.replay import general_prompts, replay_rows
from instill.compare.tuning import Tuned, TuningPlan, closed_rows, tune
from instill.durable import write_json
from instill.errors import UsageError
from instill.study.sets import digest
from instill.study.stored import StoredStudy
from instill.training import Watch

if TYPE_CHECKING:
    from instill.workspace import Workspace

Rows = Sequence[Mapping[str, Any]]

_KEPT_BACK = 4
"""Of the base's own replies every so many-th is kept for measuring what was forgotten."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The candidates.

    Args:
        by_arm: `TUNED` and `AWARE`, as far as an arm needs them.
        replay: rows that were shown with the new ones.
        retention: rows to measure forgetting on; none of them was trained on.
    """

    by_arm: dict[str, Tuned]
    replay: Rows
    retention: Rows


def train_arms(
    workspace: Workspace,
    study: StoredStudy,
    plan: ComparePlan,
    names: Sequence[str],
    folder: Path,
    *,
    watch: Watch | None = None,
) -> Trained:
    """Train what the arms of these names need; a candidate that is there is used again.

    Args:
        folder: where rows and recipes are kept.

    Raises:
        UsageError: see `tune`; or no training question of the set has a passage.
        GeneratorError: the base gives no replies for replay.
    """
    if plan.tuning is None or not {TUNED, BOTH, AWARE} & set(names):
        return Trained({}, (), plan.retention or ())
    watch = watch or Watch()
    replay, retention = replay_of(workspace, plan, folder, watch)
    found: dict[str, Tuned] = {}
    if {TUNED, BOTH} & set(names):
        found[TUNED] = _tune(workspace, plan, "known", closed_rows(study), replay, folder, watch)
    if AWARE in names:
        rows = reading_rows(
            study.items("train"),
            Passages(workspace, study.facts()),
            plan.wording,
            facts=study.facts(),
            seed=plan.seed,
            unknown=plan.unknown,
        )
        found[AWARE] = _tune(workspace, plan, "reading", rows, replay, folder, watch)
    return Trained(found, replay, retention)


def _tune(
    workspace: Workspace, plan: ComparePlan, name: str, rows: Rows, replay: Rows, folder: Path, watch: Watch
) -> Tuned:
    assert plan.tuning is not None, "checked by the caller"
    named: TuningPlan = replace(plan.tuning, name=f"{plan.tuning.name}-{name}")
    return tune(workspace.home, named, rows, folder / named.name, replay=replay, watch=watch)


def replay_of(workspace: Workspace, plan: ComparePlan, folder: Path, watch: Watch) -> tuple[Rows, Rows]:
    """Rows to show with the new ones, and rows to measure on; the plan's, or else the base's own replies."""
    assert plan.tuning is not None, "checked by the caller"
    if plan.replay is not None:
        return plan.replay, plan.retention or ()
    watch.stage("asking the base for replay")
    own = _own_replies(workspace, plan.tuning.base, folder)
    kept_back = [row for number, row in enumerate(own) if number % _KEPT_BACK == 0]
    shown = [row for number, row in enumerate(own) if number % _KEPT_BACK]
    return shown, plan.retention if plan.retention is not None else kept_back


def _own_replies(workspace: Workspace, base: str, folder: Path) -> list[dict[str, Any]]:
    """What the base says to general prompts; asked once and kept."""
    if not workspace.settings.generator.folder:
        raise UsageError(
            "Replay by the base itself needs it as the workspace's generator.",
            where="generator.folder",
            remedy="Set generator.folder to the base, or name rows of replay.",
        )
    file = folder / f"replay-{digest([base])}.json"
    if file.exists():
        return [dict(row) for row in json.loads(file.read_text(encoding="utf-8"))]
    rows = replay_rows(opened(workspace, BASE), general_prompts())
    folder.mkdir(parents=True, exist_ok=True)
    write_json(file, rows)
    return rows
