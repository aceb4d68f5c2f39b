"""Sentences that the page and the terminal both say: of costs beside the tables, and of the judge."""

from __future__ import annotations

from instill.common.plurals import counted
from instill.compare.report.types import ModelJudge, Report
from instill.measure.page.units import duration, money, score


def cost_notes(report: Report) -> list[str]:
    """What is in the preparations, and what is in no arm's.

    Example:
        >>> from instill.compare.report.types import Overhead
        >>> from instill.measure.verdict import reach_verdict
        >>> cost_notes(Report("t", reach_verdict([], []), [], overheads=[Overhead("judging", 90.0, 0.25)]))
        ['The comparison itself, in no arm: judging 1 min 30 s, USD 0.25.']
    """
    replay = [f"{each.arm} {duration(each.replay_seconds)}" for each in report.preparations if each.replay_seconds > 0]
    found = [f"Of the preparation, writing replay rows: {', '.join(replay)}."] if replay else []
    for each in report.overheads:
        spent = f"{duration(each.seconds)}, {money(each.money, report.currency)}"
        found.append(f"The comparison itself, in no arm: {each.what} {spent}.")
    return found


def writer_notes(report: Report) -> list[str]:
    """Of each arm that answers as `instill ask` does with a generator, how many answers the model wrote.

    Example:
        >>> from instill.compare.report.types import Writers
        >>> from instill.measure.verdict import reach_verdict
        >>> writer_notes(Report("t", reach_verdict([], []), [], writers=[Writers("retrieval", 9, 2, 4, 0, 3, 0)]))
        ['"retrieval", 9 answers: 2 written by the model; 4 quoted, because nothing that it wrote could be proved; 3 refused.']
    """  # noqa: E501 - the sentence as it is printed
    found = []
    for each in report.writers:
        parts = [
            (each.written, "written by the model"),
            (each.unproved, "quoted, because nothing that it wrote could be proved"),
            (each.unasked, "quoted, without asking it"),
            (each.refused, "refused"),
            (each.failed, "failed, which count as wrong"),
        ]
        said = "; ".join(f"{count:,} {what}" for count, what in parts if count or what == parts[0][1])
        found.append(f'"{each.arm}", {counted(each.answers, "answer")}: {said}.')
    return found


def judge_notes(judge: ModelJudge) -> list[str]:
    """How far it and the scorer agree."""
    found = judge.agreement
    read = found.replies + found.undecided
    replies = "reply" if read == 1 else "replies"
    said = [f"{judge.name}, the judge, read {read:,} {replies}. Scores and verdict are those of the scorer."]
    if found.same is not None:
        kappa = "is not defined, since all replies are judged alike" if found.kappa is None else score(found.kappa)
        said.append(f"Both agree on {score(found.same)} of the replies; Cohen's kappa {kappa}.")
        stricter = sum(each.outcome.right >= 1 for each in found.disagreements)
        said.append(
            f"Disagreements: {len(found.disagreements):,}; {len(found.disagreements) - stricter:,} right by the judge "
            f"alone, {stricter:,} by the scorer alone."
        )
    if found.undecided:
        said.append(f"Without a verdict: {found.undecided:,}.")
    if judge.own:
        said.append("It is the arms' own generator, which may favour itself.")
    return said
