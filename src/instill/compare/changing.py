"""The part of a comparison in which documents change: freshness, conflict, and passages that contradict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from instill.compare.arms import oracle_passages, with_others
from instill.compare.changed_rows import changed_rows
from instill.compare.changes import Change, make_changes
from instill.compare.conflict import Believing, Conflict, believed, conflict
from instill.compare.copies import add_twins
from instill.compare.freshness import Freshness, Renewed, Renewing, freshness, indexing, trained_again
from instill.compare.line_up import FINDS, LineUp
from instill.compare.noise import contradicting_passages, noise_passages
from instill.compare.passages import Passages
from instill.compare.plan import BOTH, CLOSED, QUOTED, TUNED, ComparePlan
from instill.compare.prices import Prices
from instill.compare.running import Progress, run_arms
from instill.compare.stored import Recorded
from instill.compare.tuned_arms import Trained
from instill.compare.tuning import tune
from instill.study.sets import StudyItem
from instill.study.stored import StoredStudy

if TYPE_CHECKING:
    from instill.workspace import Workspace

NOISY = ("facts", "paraphrase")
"""Tasks whose questions are asked again among noise."""

FEWEST_SHOWN = 300
"""Rows that a training for a changed fact shows at least, in however many epochs: a few steps change nothing."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all parts share.

    Args:
        copy: of the workspace; its documents are changed.
        folder: for outcomes.
        identity: see `run_arms`.
    """

    workspace: Workspace
    copy: Workspace
    study: StoredStudy
    plan: ComparePlan
    line_up: LineUp
    trained: Trained
    names: Sequence[str]
    folder: Path
    identity: str
    prices: Prices
    progress: Callable[[Progress], None] | None = None


def ask_among_noise(setting: Setting, items: Sequence[StudyItem], every: Sequence[StudyItem]) -> list[Recorded]:
    """Arms that read, asked with the right passage and irrelevant ones.

    Args:
        items: to be asked.
        every: of the study set, whose passages are the noise.
    """
    names = [name for name in setting.names if name in FINDS]
    if not names or not items:
        return []
    passages = Passages(setting.workspace, setting.study.facts())
    given = with_others(oracle_passages(passages), noise_passages(passages, every, seed=setting.plan.seed))
    return run_arms(
        items,
        [setting.line_up.arm(name, given=given) for name in names],
        setting.folder / "noise",
        identity=setting.identity,
        task="noise",
        prices=setting.prices,
        progress=setting.progress,
    )


def refresh_arms(setting: Setting) -> tuple[list[Change], Freshness | None]:
    """Change some facts, one after the other, and let each arm take that up in its way."""
    changes = make_changes(setting.workspace, setting.study, most=setting.plan.changes, seed=setting.plan.seed)
    if not changes:
        return [], None
    ways = [_way(setting, name) for name in setting.names if name in (CLOSED, TUNED, *FINDS)]
    found = freshness(
        changes,
        ways,
        setting.folder / "freshness",
        identity=setting.identity,
        prices=setting.prices,
        progress=setting.progress,
    )
    return changes, found


def contradict(setting: Setting, changes: Sequence[Change], records: Sequence[Recorded]) -> Conflict | None:
    """Ask what a model believes with a document that says otherwise; None where no model believes anything asked.

    The copy holds the changed documents' twins afterwards.

    Args:
        records: of the main questions, from which it follows what is believed.
    """
    add_twins(setting.copy, changes)
    given = oracle_passages(Passages(setting.copy))
    asked = []
    for name in setting.names:
        believer = {BOTH: TUNED}.get(name, CLOSED)
        if name not in FINDS or name == QUOTED or believer not in setting.names:
            continue
        arm = setting.line_up.arm(name, workspace=setting.copy, given=given)
        asked.append(Believing(arm, believed(records, believer)))
    found = conflict(
        changes,
        [each for each in asked if each.believed],
        setting.folder / "conflict",
        identity=setting.identity,
        prices=setting.prices,
        progress=setting.progress,
    )
    return found if found.records else None


def ask_among_contradictions(setting: Setting, changes: Sequence[Change]) -> list[Recorded]:
    """Arms that read, asked with the right passage and one that says otherwise; right stays what the original says.

    Call it after `contradict`, which puts the twins into the copy.
    """
    names = [name for name in setting.names if name in FINDS]
    items = [item for change in changes for item in change.before]
    if not names or not items:
        return []
    passages = Passages(setting.copy)
    given = with_others(oracle_passages(passages), contradicting_passages(setting.copy, changes))
    return run_arms(
        items,
        [setting.line_up.arm(name, workspace=setting.copy, given=given) for name in names],
        setting.folder / "contradiction",
        identity=setting.identity,
        task="contradiction",
        prices=setting.prices,
        progress=setting.progress,
    )


def _way(setting: Setting, name: str) -> Renewing:
    if name == CLOSED:
        return Renewing(name, "nothing can be done", lambda _: _as_it_is(setting, name))
    if name == TUNED:
        return trained_again(name, lambda change: _train_again(setting, change))
    return indexing(name, setting.copy, lambda copy: setting.line_up.arm(name, workspace=copy))


@contextmanager
def _as_it_is(setting: Setting, name: str) -> Iterator[Renewed]:
    yield setting.line_up.arm(name), 0.0


def _train_again(setting: Setting, change: Change) -> Renewed:
    """Train on from the candidate, on the rows about what changed, with replay of the base and of the other facts."""
    plan = setting.plan.tuning
    assert plan is not None, "there is a fine-tuned arm"
    touched = set(change.touched)
    rows = setting.study.rows()
    about = [row for row in rows if touched & set(row.get("facts") or ())]
    others = [row for row in rows if not touched & set(row.get("facts") or ())]
    first = setting.trained.by_arm[TUNED]
    epochs = max(plan.epochs, ceil(FEWEST_SHOWN / max(1, len(about))))
    named = replace(plan, name=f"{plan.name}-changed", epochs=epochs)
    again = tune(
        setting.workspace.home,
        named,
        changed_rows(about, [change]),
        setting.folder / "freshness" / f"changed-{change.doc_id}",
        replay=[*setting.trained.replay, *others],
        parent=first.candidate,
    )
    return setting.line_up.arm(TUNED, candidate=again.candidate), again.seconds
