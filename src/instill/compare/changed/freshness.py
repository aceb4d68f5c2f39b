"""Freshness: a fact of a document is changed; how long and how much until an arm answers with the new one.

An arm takes up a change in its own way (`Renewing`): the document is indexed again, or a model is trained again. Then
it is asked the gate's questions for the changed value. Right is the new value. The clock of a change runs from the
moment at which the new text is at hand to the end of the first right answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from math import inf, isfinite
from pathlib import Path
from statistics import fmean, median_low
from typing import TYPE_CHECKING

from instill.compare.arms.protocol import Arm
from instill.compare.asking_arms import GroupBy, run_arms
from instill.compare.changed.changes import Change
from instill.compare.changed.copies import applied
from instill.compare.prices import FREE, Prices
from instill.compare.recording import Answered
from instill.compare.report.types import Refresh
from instill.compare.stored_outcomes import Recorded
from instill.errors import UsageError
from instill.measure.judging.scorer import judge

if TYPE_CHECKING:
    from instill.workspace import Workspace

TASK = "freshness"

Renewed = tuple[Arm, float]
"""An arm that has taken up a change, and the seconds until it could be asked."""


@dataclass(frozen=True, slots=True)
class Renewing:
    """How an arm takes up changes.

    Args:
        arm: its name, as in the other tables.
        said: how, for people: "document indexed".
        after: brings the arm up to date with a change and, when it is left, to where it was.
    """

    arm: str
    said: str
    after: Callable[[Change], AbstractContextManager[Renewed]]


@dataclass(frozen=True, slots=True)
class Freshness:
    """What came of it.

    Args:
        records: outcomes with the task "freshness", in the order of arms and changes.
        refreshes: of each arm. Its seconds and money are the median over the changes, where a change without a right
            answer counts as endless; of an even number the lower one.
        seconds_per_fact: by arm, what taking up one changed fact took.
        stale: by arm, how many answers gave the old value.
    """

    records: list[Recorded]
    refreshes: list[Refresh]
    seconds_per_fact: dict[str, float]
    stale: dict[str, int]


def indexing(arm: str, copy: Workspace, arm_of: Callable[[Workspace], Arm]) -> Renewing:
    """An arm with retrieval: the document is indexed again, in a copy of the workspace.

    Encoder, reader and index are loaded before the clock starts, as in a service that is running.

    Args:
        copy: from `fresh_copy`; after each change it is as it was.
        arm_of: makes the arm, new for each change: passages may be remembered.
    """

    @contextmanager
    def after(change: Change) -> Iterator[Renewed]:
        copy.search(change.items[0].question, k=1)
        _ = copy.reader
        with applied(copy, change) as seconds:
            yield arm_of(copy), seconds

    return Renewing(arm, "document indexed", after)


def trained_again(arm: str, train_again: Callable[[Change], Renewed], *, said: str = "trained again") -> Renewing:
    """An arm with weights, which is trained again for each change.

    Args:
        train_again: the arm with the new weights, and the seconds of the training. It is called again when a run is
            taken up, so a candidate that is there should be used again.
    """

    @contextmanager
    def after(change: Change) -> Iterator[Renewed]:
        yield train_again(change)

    return Renewing(arm, said, after)


def freshness(
    changes: Sequence[Change],
    ways: Sequence[Renewing],
    folder: Path,
    *,
    identity: str,
    group_by: GroupBy = "fact",
    prices: Prices = FREE,
    progress: Callable[[Answered], None] | None = None,
) -> Freshness:
    """Let every arm take up every change and ask it.

    Answers are kept as `run_arms` keeps them: a run that was stopped goes on. Changes are taken up again then, so
    their times are those of the last run.

    Args:
        changes: from `make_changes`.
        ways: of each arm one.
        folder: for `outcomes.jsonl` and `compare-prompts.jsonl`, of freshness alone.
        identity, group_by, prices: as for `run_arms`.

    Raises:
        UsageError: there are no changes or arms, one is there twice, or an arm has another name than its `Renewing`.
        WorkspaceError: a document of a copy is not as it was, or files are damaged, in use, or of another identity.
        EvidenceInPrompt: a closed-book prompt held evidence.
    """
    names = [way.arm for way in ways]
    if not changes or not names or len(set(names)) < len(names):
        raise UsageError("There is no change or no arm, or an arm is there twice.", where=", ".join(names)[:200])
    records: list[Recorded] = []
    refreshes: list[Refresh] = []
    seconds_per_fact: dict[str, float] = {}
    stale: dict[str, int] = {}
    most = len(ways) * sum(len(change.items) for change in changes)
    for way in ways:
        own: list[list[Recorded]] = []
        seconds: list[float] = []
        for change in changes:
            with way.after(change) as (arm, took):
                if arm.name != way.arm:
                    raise UsageError("An arm has another name than its way to take up changes.", where=arm.name)
                asked = run_arms(
                    change.items,
                    [arm],
                    folder,
                    identity=identity,
                    task=TASK,
                    group_by=group_by,
                    prices=prices,
                    again_after_errors=True,
                    progress=_counted(progress, len(records) + sum(map(len, own)), most),
                )
            own.append(asked)
            seconds.append(took)
        seconds_per_fact[way.arm] = fmean(seconds)
        records += [each for of_change in own for each in of_change]
        stale[way.arm] = sum(
            gives_old(each, change) for change, given in zip(changes, own, strict=True) for each in given
        )
        refreshes.append(_refresh(way, own, seconds, stale[way.arm], prices))
    return Freshness(records, refreshes, seconds_per_fact, stale)


def gives_old(recorded: Recorded, change: Change) -> bool:
    """Whether the answer commits itself to the value before the change, or quotes it."""
    outcome = recorded.outcome
    if recorded.error or outcome.kind == "abstained":
        return False
    found = judge(outcome.reply, change.old_answers, question=outcome.question, abstained=False, quotes=outcome.quoted)
    return found.right >= 1


def _refresh(
    way: Renewing, own: Sequence[Sequence[Recorded]], seconds: Sequence[float], stale: int, prices: Prices
) -> Refresh:
    times, money = [], []
    for given, took in zip(own, seconds, strict=True):
        place = next((number for number, each in enumerate(given) if each.outcome.right >= 1), None)
        needed = given[: place + 1] if place is not None else ()
        times.append(took + sum(each.outcome.seconds for each in needed) if needed else inf)
        spent = prices.of_seconds(took) + sum(each.outcome.money for each in needed)
        money.append(spent if needed else inf)
    came = sum(isfinite(time) for time in times)
    said = f"{way.said}; {came} of {len(times)} changed facts were answered"
    if stale:
        said += f", {stale} answer{'s' * (stale != 1)} gave the old value"
    time, cost = median_low(times), median_low(money)
    return Refresh(way.arm, time if isfinite(time) else None, cost if isfinite(time) else None, said)


def _counted(progress: Callable[[Answered], None] | None, before: int, most: int) -> Callable[[Answered], None] | None:
    if progress is None:
        return None
    return lambda made: progress(replace(made, done=before + made.done, most=most))
