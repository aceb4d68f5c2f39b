"""From outcomes to tables: scores for the statistics, and means with intervals for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from instill.compare.stored import Recorded
from instill.errors import UsageError
from instill.measure.outcomes import Outcome
from instill.measure.paired import Interval
from instill.measure.statistics.comparing import Table
from instill.measure.statistics.intervals import SCORE, group_interval

Score = Callable[[Outcome], float]


@dataclass(frozen=True, slots=True)
class ArmMeans:
    """An arm on one task.

    Args:
        questions: how many it was asked.
        right, exact, f1, abstained: means from 0 to 1 with their 95% intervals; abstaining from an unanswerable
            question is right.
        recall: share of the evidence that was given; None for an arm without passages, and without evidence.
        citation_precision: mean over the answers that cite; None when none does.
        citing: how many answers cite.
        seconds: median and, below, the 95th percentile.
        tokens_in, tokens_out: mean.
        money: of 1,000 answers.
        errors: answers that a generator failed to give; they count as wrong.
        estimated: whether tokens, and so money, are estimates.
    """

    arm: str
    task: str
    questions: int
    right: Interval
    exact: Interval
    f1: Interval
    abstained: Interval
    recall: Interval | None
    citation_precision: Interval | None
    citing: int
    seconds: float
    seconds_95: float
    tokens_in: float
    tokens_out: float
    money: float
    errors: int
    estimated: bool


def tasks_of(records: Sequence[Recorded]) -> list[str]:
    """The tasks, in the order in which they first stand."""
    return list(dict.fromkeys(each.outcome.task for each in records))


def table_of(
    records: Sequence[Recorded], task: str | None = None, *, score: Score = lambda outcome: outcome.right
) -> Table:
    """The scores of all arms on the questions that every one of them was asked.

    Args:
        task: of these questions; None: all together.
        score: of an outcome, 0 to 1.

    Raises:
        UsageError: there is no such question, or an arm was asked one twice.
    """
    rows: dict[str, dict[tuple[str, str], Outcome]] = {}
    for each in records:
        outcome = each.outcome
        if task is not None and outcome.task != task:
            continue
        own = rows.setdefault(outcome.arm, {})
        if (outcome.task, outcome.item) in own:
            raise UsageError("An arm was asked a question twice.", where=f"{outcome.arm}: {outcome.item}")
        own[outcome.task, outcome.item] = outcome
    common = [key for key in next(iter(rows.values()), {}) if all(key in own for own in rows.values())]
    if not common:
        raise UsageError("There is no question that all arms were asked.", where=task or "all tasks")
    first = next(iter(rows.values()))
    scores = {arm: [score(own[key]) for key in common] for arm, own in rows.items()}
    return Table.of(scores, [first[key].group for key in common])


def tables_of(records: Sequence[Recorded], *, score: Score = lambda outcome: outcome.right) -> dict[str, Table]:
    """`table_of` for each task."""
    return {task: table_of(records, task, score=score) for task in tasks_of(records)}


def means_of(records: Sequence[Recorded]) -> list[ArmMeans]:
    """Means of each task and arm, in the order in which they first stand."""
    groups: dict[tuple[str, str], list[Recorded]] = {}
    for each in records:
        groups.setdefault((each.outcome.task, each.outcome.arm), []).append(each)
    return [_means(task, arm, own) for (task, arm), own in groups.items()]


def _means(task: str, arm: str, records: Sequence[Recorded]) -> ArmMeans:
    outcomes = [each.outcome for each in records]
    seconds = sorted(outcome.seconds for outcome in outcomes)
    return ArmMeans(
        arm,
        task,
        len(outcomes),
        right=_mean(outcomes, lambda outcome: outcome.right),
        exact=_mean(outcomes, lambda outcome: outcome.exact),
        f1=_mean(outcomes, lambda outcome: outcome.f1),
        abstained=_mean(outcomes, lambda outcome: float(outcome.kind == "abstained")),
        recall=_some_mean(outcomes, lambda outcome: outcome.recall),
        citation_precision=_some_mean(outcomes, lambda outcome: outcome.citation_precision),
        citing=sum(outcome.citation_precision is not None for outcome in outcomes),
        seconds=median(seconds),
        seconds_95=seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))],
        tokens_in=fmean(outcome.tokens_in for outcome in outcomes),
        tokens_out=fmean(outcome.tokens_out for outcome in outcomes),
        money=1000 * fmean(outcome.money for outcome in outcomes),
        errors=sum(bool(each.error) for each in records),
        estimated=any(each.estimated for each in records),
    )


def _mean(outcomes: Sequence[Outcome], score: Score) -> Interval:
    groups = [outcome.group for outcome in outcomes]
    return group_interval([score(outcome) for outcome in outcomes], groups, scale=SCORE)


def _some_mean(outcomes: Sequence[Outcome], score: Callable[[Outcome], float | None]) -> Interval | None:
    found = [(value, outcome.group) for outcome in outcomes if (value := score(outcome)) is not None]
    if not found:
        return None
    return group_interval([value for value, _ in found], [group for _, group in found], scale=SCORE)
