"""Conflict: a document says something else than what the model believes; which one wins.

What a model believes are the questions that it answers rightly closed-book. Asked are the same questions, and given
is the document with another value in it: a twin of the document, which really stands in the index of a copy of the
workspace (`add_twins`), so that it can be found, read and cited like any other.

Who wins:

- "document": the reply commits itself to the document's value and not to the believed one;
- "belief": the other way round;
- "abstained";
- "neither": another value, both, or no answer because the generator failed.

Right is "document". A model that was trained on a document which has changed since is asked so too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from instill.compare.arms.protocol import Arm
from instill.compare.asking_arms import GroupBy, run_arms
from instill.compare.changed.changes import Change
from instill.compare.changed.copies import twin_id
from instill.compare.changed.freshness import gives_old
from instill.compare.prices import FREE, Prices
from instill.compare.recording import Answered
from instill.compare.report.types import ConflictWins
from instill.compare.stored_outcomes import Recorded
from instill.measure.outcomes import Outcome
from instill.measure.statistics.grouped_mean_interval import SCORE, group_interval
from instill.study.study_set import StudyItem, item_id

TASK = "conflict"

Winner = Literal["document", "belief", "neither", "abstained"]
WINNERS: tuple[Winner, ...] = get_args(Winner)


@dataclass(frozen=True, slots=True)
class Believing:
    """An arm that is given passages, with what its model believes.

    Args:
        believed: ids of the study set's questions, see `believed`.
    """

    arm: Arm
    believed: Collection[str]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Outcomes with the task "conflict", in the order of arms and questions, and who won, by arm."""

    records: list[Recorded]
    winners: list[ConflictWins]


def believed(records: Iterable[Recorded], arm: str) -> frozenset[str]:
    """The questions that this closed-book arm answered rightly, controls and unanswerable ones left out."""
    return frozenset(
        each.outcome.item
        for each in records
        if each.outcome.arm == arm
        and each.outcome.right >= 1
        and each.outcome.expected
        and each.outcome.task != "control"
    )


def conflict_items(changes: Iterable[Change], known: Collection[str]) -> list[StudyItem]:
    """The questions of the changes whose answer is known: right is the value of the document's twin, which is the
    evidence."""
    items = []
    for change in changes:
        twin = twin_id(change)
        for item, before in zip(change.items, change.before, strict=True):
            if before.id not in known:
                continue
            evidence = tuple(
                each.model_copy(update={"doc_id": twin}) if each.doc_id == change.doc_id else each
                for each in item.evidence
            )
            id_ = item_id([*item.fact_ids, twin], item.question, item.answer)
            items.append(item.model_copy(update={"id": id_, "evidence": evidence}))
    return items


def conflict(
    changes: Sequence[Change],
    asked: Sequence[Believing],
    folder: Path,
    *,
    identity: str,
    group_by: GroupBy = "fact",
    prices: Prices = FREE,
    progress: Callable[[Answered], None] | None = None,
) -> Conflict:
    """Ask every arm what its model believes, with a document that says otherwise.

    Args:
        asked: arms on a copy of the workspace that has the twins (`add_twins`), given the passages with the evidence:
            `PipelineArm(name, copy, passages, generator=model, given=oracle_passages(passages))` with
            `passages = Passages(copy)`.
        folder: for `outcomes.jsonl` and `compare-prompts.jsonl`, of the conflict alone.
        identity, group_by, prices, progress: as for `run_arms`; progress counts each arm by itself.

    Raises:
        WorkspaceError: the twins are not in the copy, or the files are damaged, in use, or of another identity.
        EvidenceInPrompt: a closed-book prompt held evidence.
    """
    records: list[Recorded] = []
    table = []
    for each in asked:
        items = conflict_items(changes, each.believed)
        own: list[Recorded] = []
        if items:
            own = run_arms(
                items,
                [each.arm],
                folder,
                identity=identity,
                task=TASK,
                group_by=group_by,
                prices=prices,
                again_after_errors=True,
                progress=progress,
            )
        won = {record.outcome.item: winner_of(record, changes) for record in own}
        records += [_judged(record, won[record.outcome.item]) for record in own]
        table.append(_winners(each.arm.name, [record.outcome for record in own], won))
    return Conflict(records, table)


def winner_of(recorded: Recorded, changes: Iterable[Change]) -> Winner:
    """Who won one question of `conflict_items`."""
    outcome = recorded.outcome
    if outcome.kind == "abstained":
        return "abstained"
    old = any(
        gives_old(recorded, change)
        for change in changes
        if any(item.question == outcome.question and item.accepted == outcome.expected for item in change.items)
    )
    new = outcome.right >= 1
    if new == old:
        return "neither"
    return "document" if new else "belief"


def _judged(recorded: Recorded, winner: Winner) -> Recorded:
    """Right where the document wins, and wrong where the reply says both."""
    if recorded.outcome.right >= 1 and winner != "document":
        return replace(recorded, outcome=replace(recorded.outcome, kind="wrong", exact=0.0, right=0.0))
    return recorded


def _winners(arm: str, outcomes: Sequence[Outcome], won: dict[str, Winner]) -> ConflictWins:
    counts = Counter(won.values())
    share = None
    if outcomes:
        scores = [float(won[outcome.item] == "document") for outcome in outcomes]
        share = group_interval(scores, [outcome.group for outcome in outcomes], scale=SCORE)
    return ConflictWins(arm, len(outcomes), {winner: counts[winner] for winner in WINNERS}, share)
