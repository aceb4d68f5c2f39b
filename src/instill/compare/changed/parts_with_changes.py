"""The parts of a comparison in which passages are mixed or documents change: noise, freshness, contradictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil

from instill.common.plurals import counted
from instill.compare.arms.built_in_arms import GivenTo, oracle_passages, with_others
from instill.compare.arms.passages import Passages
from instill.compare.arms.specification import TUNED, ArmSpecification
from instill.compare.asking_arms import TASKS, draw, run_arms
from instill.compare.changed.changed_rows import changed_rows
from instill.compare.changed.changes import Change, make_changes
from instill.compare.changed.conflict import Believing, Conflict, believed, conflict, conflict_items
from instill.compare.changed.copies import add_twins, applied, twin_id
from instill.compare.changed.freshness import Freshness, Renewed, Renewing, freshness, indexing, trained_again
from instill.compare.changed.noise import contradicting_passages, noise_passages
from instill.compare.comparison_setting import ComparisonSetting, told_of_answers
from instill.compare.report.types import ConflictWins, Refresh
from instill.compare.stored_outcomes import Recorded
from instill.compare.tuned.tuning_by_recipe import tune
from instill.study.study_set import StudyItem

NOISY = ("facts", "paraphrase")
"""Tasks whose questions are asked again among noise."""

FEWEST_SHOWN = 300
"""Rows that a training for a changed fact shows at least, in however many epochs: a few steps change nothing."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of changed documents.

    Args:
        changes: that could be made up; none where the rules can change no fact.
        items: the questions of freshness and conflict, whose ids stand in no study set.
        winners: of the conflict, by arm.
        retraining: seconds of a training for one changed fact; None: nothing was trained again.
    """

    changes: Sequence[Change] = ()
    items: Sequence[StudyItem] = ()
    records: Sequence[Recorded] = ()
    refreshes: Sequence[Refresh] = ()
    winners: Sequence[ConflictWins] = ()
    retraining: float | None = None


def ask_among_noise(setting: ComparisonSetting, items: Sequence[StudyItem]) -> list[Recorded]:
    """Arms that read, asked with the right passage and irrelevant ones.

    Args:
        items: of the main questions; some of them are asked.
    """
    noisy = [item for item in items if TASKS[item.phrasing] in NOISY]
    if not setting.plan.noise or not noisy:
        return []
    passages = Passages(setting.workspace, setting.study.facts())
    # Out of the whole gate: the same question has the same noise, however many are asked.
    noise = noise_passages(passages, setting.study.items("gate"), seed=setting.plan.seed)
    drawn = draw(noisy, setting.plan.noise, seed=setting.plan.seed)
    return _ask_with(setting, "noise", drawn, with_others(oracle_passages(passages), noise))


def change_documents(setting: ComparisonSetting, records: Sequence[Recorded]) -> Changed:
    """Change some facts in the copy, and ask about them: until when each arm says the new value, and what wins where
    model and document, or two documents, contradict each other.

    Args:
        records: of the main questions, from which it follows what a model believes.
    """
    plan, watch = setting.plan, setting.watch
    if not plan.changes:
        return Changed()
    watch.stage("changing documents")
    changes = make_changes(setting.workspace, setting.study, most=plan.changes, seed=plan.seed)
    if not changes:
        return Changed()
    fresh = _refreshed(setting, changes)
    watch.stage("contradicting what models believe")
    add_twins(setting.copy, changes)
    found = _contradicted(setting, changes, records)
    beside = _among_contradictions(setting, changes)
    every = {item.id for change in changes for item in change.before}
    return Changed(
        changes=changes,
        items=[*(item for change in changes for item in change.items), *conflict_items(changes, every)],
        records=[*fresh.records, *found.records, *beside],
        refreshes=fresh.refreshes,
        winners=found.winners,
        retraining=fresh.seconds_per_fact.get(TUNED),
    )


def _refreshed(setting: ComparisonSetting, changes: Sequence[Change]) -> Freshness:
    """Change the facts one after the other, and let each arm take that up in its way."""
    ways = [_way(setting, arm) for arm in setting.specifications if arm.renewal is not None]
    if not ways:
        return Freshness([], [], {}, {})
    return freshness(
        changes,
        ways,
        setting.folder / "freshness",
        identity=setting.identity,
        prices=setting.prices,
        progress=told_of_answers(setting.watch),
    )


def _contradicted(setting: ComparisonSetting, changes: Sequence[Change], records: Sequence[Recorded]) -> Conflict:
    """Ask what a model believes, with a twin of the document that says otherwise."""
    given = oracle_passages(Passages(setting.copy))
    asked = []
    for name, believer in believers(setting.specifications).items():
        known = believed(records, believer)
        if conflict_items(changes, known):
            asked.append(Believing(setting.line_up.arm(name, workspace=setting.copy, given=given), known))
    return conflict(
        changes,
        asked,
        setting.folder / "conflict",
        identity=setting.identity,
        prices=setting.prices,
        progress=told_of_answers(setting.watch),
    )


def _among_contradictions(setting: ComparisonSetting, changes: Sequence[Change]) -> list[Recorded]:
    """Arms that read, asked with the right passage and a twin's; right stays what the original says."""
    items = [item for change in changes for item in change.before]
    given = with_others(oracle_passages(Passages(setting.copy)), contradicting_passages(setting.copy, changes))
    return _ask_with(setting, "contradiction", items, given)


def _ask_with(setting: ComparisonSetting, task: str, items: Sequence[StudyItem], given: GivenTo) -> list[Recorded]:
    """The arms that find passages, given these instead; in the copy, which has the twins too."""
    names = [arm.name for arm in setting.specifications if arm.finds]
    if not names:
        return []
    what, whom = counted(len(items), "question"), counted(len(names), "arm")
    setting.watch.stage(f"asking {what} with {task} of {whom}")
    return run_arms(
        items,
        [setting.line_up.arm(name, workspace=setting.copy, given=given) for name in names],
        setting.folder / task,
        identity=setting.identity,
        task=task,
        prices=setting.prices,
        again_after_errors=True,
        progress=told_of_answers(setting.watch),
    )


def believers(arms: Sequence[ArmSpecification]) -> dict[str, str]:
    """Arms that can be contradicted, each with the arm without passages that says what its model believes.

    Example:
        >>> from instill.compare.arms.specification import BUILT_IN
        >>> names = ["closed-book", "retrieval, quoted", "retrieval", "fine-tuned + retrieval"]
        >>> believers([BUILT_IN[name] for name in names])
        {'retrieval': 'closed-book'}
    """
    names = {each.name for each in arms}
    return {each.name: each.believes for each in arms if each.believes is not None and each.believes in names}


def _way(setting: ComparisonSetting, arm: ArmSpecification) -> Renewing:
    """How an arm takes up a change."""
    name = arm.name
    if arm.renewal == "nothing":
        return Renewing(name, "nothing can be done", lambda _: _as_it_is(setting, name))
    if arm.renewal == "training":
        return trained_again(name, lambda change: _train_again(setting, change))
    if arm.renewal == "reading":
        return Renewing(name, "document read anew", lambda change: _read_anew(setting, name, change))
    return indexing(name, setting.copy, lambda copy: setting.line_up.arm(name, workspace=copy))


@contextmanager
def _as_it_is(setting: ComparisonSetting, name: str) -> Iterator[Renewed]:
    yield setting.line_up.arm(name), 0.0


@contextmanager
def _read_anew(setting: ComparisonSetting, name: str, change: Change) -> Iterator[Renewed]:
    """The index only hands the text over, so that it is written to costs this arm nothing."""
    with applied(setting.copy, change):
        yield setting.line_up.arm(name, workspace=setting.copy), 0.0


def _train_again(setting: ComparisonSetting, change: Change) -> Renewed:
    """Train on from the candidate, on the rows about what changed, with replay of the base and of the other facts."""
    plan = setting.plan.tuning
    assert plan is not None, "there is a fine-tuned arm"
    touched = set(change.touched)
    rows = setting.study.rows()
    about = changed_rows([row for row in rows if touched & set(row.get("facts") or ())], [change])
    others = [row for row in rows if not touched & set(row.get("facts") or ())]
    if not about:  # A generator retold the fact, and no row has the old value word for word.
        return setting.line_up.arm(TUNED), 0.0
    setting.line_up.release()
    again = tune(
        setting.workspace.home,
        replace(plan, name=f"{plan.name}-changed", epochs=max(plan.epochs, ceil(FEWEST_SHOWN / len(about)))),
        about,
        setting.folder / "freshness" / f"changed-{twin_id(change)}",
        replay=[*setting.trained.replay, *others],
        parent=setting.trained.by_arm[TUNED].candidate,
        on=setting.plan.on,
        watch=setting.watch,
    )
    return setting.line_up.arm(TUNED, candidate=again.candidate), again.seconds
