"""The section of the page on a judge beside the scorer."""

from __future__ import annotations

from instill.compare.report.judge_words import ARMS_HEAD, JUDGE, judge_notes, scorer_and_judge
from instill.compare.report.types import Report
from instill.measure.agreement import Disagreement
from instill.measure.page.elements import Markup, described, details, foreign, join, paragraph, safe, section, table
from instill.measure.page.units import difference, score

DISAGREEMENTS = 12
"""That are shown."""


def judge_section(report: Report) -> Markup:
    """A judge beside the scorer."""
    if report.judge is None:
        return Markup("")
    found = report.judge.agreement
    parts = [paragraph(" ".join(judge_notes(report.judge)))]
    if found.arms:
        rows = [
            [
                safe(each.arm),
                safe(f"{each.replies:,}"),
                safe(score(each.matched)),
                safe(score(each.judged)),
                safe(difference(each.difference)),
                safe("–" if each.kappa is None else f"{each.kappa:.2f}"),
            ]
            for each in found.arms
        ]
        parts.append(table("Both measures by arm, with 95% intervals", ARMS_HEAD, rows, stacked=True))
    if found.disagreements:
        shown = found.disagreements[:DISAGREEMENTS]
        heading = f"Disagreements: {len(shown):,} of {len(found.disagreements):,}"
        parts.append(details(heading, join(map(_case, shown))))
    return section("judge", JUDGE, parts)


def _case(each: Disagreement) -> Markup:
    row = each.outcome
    matched, judged = scorer_and_judge(each)
    pairs = [
        (safe("Arm, task"), safe(f"{row.arm}, {row.task}")),
        (safe("Question"), foreign(row.question)),
        (safe("Expected"), foreign(" / ".join(row.expected))),
        (safe("Reply"), foreign(row.reply)),
        (safe("Scorer"), safe(matched)),
        (safe("Judge"), foreign(f"{judged}: {each.said.reason}" if each.said.reason else judged)),
    ]
    return Markup(f'<div class="case">{described(pairs)}</div>')
