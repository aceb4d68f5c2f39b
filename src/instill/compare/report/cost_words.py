"""The sentences about costs beside the tables, the same on the page and in the terminal."""

from __future__ import annotations

from instill.compare.report.types import Report
from instill.measure.page.units import duration, money


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
