"""How far a judge and the scorer say the same of replies: over all, for each arm, and every case where they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from instill.measure.outcomes import Outcome
from instill.measure.statistics.grouped_mean_interval import SCORE, group_interval
from instill.measure.statistics.interval_type import Interval
from instill.measure.statistics.kappa import cohen_kappa, kappa_interval


@dataclass(frozen=True, slots=True)
class JudgeSaid:
    """A verdict.

    Args:
        right: None where the judge is unsure, did not answer, or said something else than a verdict.
        reason: in its words, or why there is no verdict; as untrusted as the reply that it is about.
        failed: whether the generator gave no reply, so that the judge may be asked again.
    """

    right: bool | None
    reason: str
    failed: bool = field(default=False, repr=False)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A reply of which the scorer says one thing (`outcome.right`) and the judge (`said.right`) another."""

    outcome: Outcome
    said: JudgeSaid


@dataclass(frozen=True, slots=True)
class ArmAgreement:
    """One arm by both measures, on the replies of which the judge gave a verdict.

    Args:
        replies: how many.
        matched, judged: shares that are right by the scorer and by the judge, with their 95% intervals.
        difference: judged minus matched. Arms that differ in it are measured differently by the scorer: how they
            speak is in the comparison.
        kappa: None where it is not defined.
    """

    arm: str
    replies: int
    matched: Interval
    judged: Interval
    difference: Interval
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a judge and the scorer say the same.

    Args:
        replies: those with a verdict. undecided: those without. empty: replies of nothing, left out: both find them
            wrong, and that tells nothing of the judge.
        same: share of the replies on which both agree, 95%; None without replies.
        matched, judged: shares that are right by the scorer and by the judge; 0 without replies.
        kappa: Cohen's, 95%; None where it is not defined: both say one and the same of all replies.
        arms: in the order in which they first stand.
        disagreements: in the order of the outcomes.
    """

    replies: int
    undecided: int
    empty: int
    same: Interval | None
    matched: float
    judged: float
    kappa: Interval | None
    arms: tuple[ArmAgreement, ...]
    disagreements: tuple[Disagreement, ...]


def agreement(outcomes: Sequence[Outcome], judged: Sequence[JudgeSaid]) -> Agreement:
    """Compare the scorer with the judge.

    Args:
        outcomes: of any arms and tasks; right by the scorer is a `right` of 1.
        judged: of each outcome, in the same order.

    Raises:
        ValueError: there are not as many of both.
    """
    given = [(outcome, said) for outcome, said in zip(outcomes, judged, strict=True) if outcome.reply.strip()]
    decided = [(outcome, said) for outcome, said in given if said.right is not None]
    matches, verdicts, groups = _columns(decided)
    arms = dict.fromkeys(outcome.arm for outcome, _ in decided)
    return Agreement(
        replies=len(decided),
        undecided=len(given) - len(decided),
        empty=len(outcomes) - len(given),
        same=group_interval(_same(matches, verdicts), groups, scale=SCORE) if decided else None,
        matched=_share(matches),
        judged=_share(verdicts),
        kappa=kappa_interval(matches, verdicts, groups) if decided else None,
        arms=tuple(_of_arm(arm, [pair for pair in decided if pair[0].arm == arm]) for arm in arms),
        disagreements=tuple(
            Disagreement(*pair) for pair, match, verdict in zip(decided, matches, verdicts, strict=True)
            if match != verdict
        ),
    )  # fmt: skip


def _of_arm(arm: str, decided: Sequence[tuple[Outcome, JudgeSaid]]) -> ArmAgreement:
    matches, verdicts, groups = _columns(decided)
    changes = [float(verdict) - float(match) for match, verdict in zip(matches, verdicts, strict=True)]
    return ArmAgreement(
        arm,
        len(decided),
        matched=group_interval([float(match) for match in matches], groups, scale=SCORE),
        judged=group_interval([float(verdict) for verdict in verdicts], groups, scale=SCORE),
        difference=group_interval(changes, groups),
        kappa=cohen_kappa(matches, verdicts),
    )


def _columns(decided: Sequence[tuple[Outcome, JudgeSaid]]) -> tuple[list[bool], list[bool], list[str]]:
    return (
        [outcome.right >= 1 for outcome, _ in decided],
        [bool(said.right) for _, said in decided],
        [outcome.group for outcome, _ in decided],
    )


def _same(matches: Sequence[bool], verdicts: Sequence[bool]) -> list[float]:
    return [float(match == verdict) for match, verdict in zip(matches, verdicts, strict=True)]


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 0.0
