"""The sections of the page on what stands beside the scores: means of formats and tones, and a judge."""

from __future__ import annotations

from instill.compare.report.notes import judge_notes
from instill.compare.report.types import Report
from instill.measure.agreement import Disagreement
from instill.measure.page.elements import (
    Markup,
    described,
    details,
    foreign,
    join,
    paragraph,
    safe,
    section,
    table,
)
from instill.measure.page.units import difference, score

DISAGREEMENTS = 12
"""That are shown."""

EXAMPLES_ABOUT = {
    "format": "Right is a reply that follows the schema, where there is one, and says the same as the expected one.",
    "tone": "Right is a reply in the tone that says the right thing. The tone is told by a classifier.",
}


def examples_section(report: Report) -> Markup:
    """Formats and tones."""
    parts = []
    for need in dict.fromkeys(each.need for each in report.examples):
        own = [each for each in report.examples if each.need == need]
        rows = [[safe(each.arm), *(safe(score(found)) for found in each.means.values())] for each in own]
        head = ("Arm", *own[0].means)
        parts += [
            paragraph(EXAMPLES_ABOUT.get(need, "")),
            table(f"{need}: means of {own[0].questions:,} replies, with 95% intervals", head, rows, stacked=True),
        ]
    return section("examples", "Formats and tones", parts) if parts else Markup("")


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
        head = ("Arm", "Replies", "Right by the scorer", "Right by the judge", "Judge less scorer", "Kappa")
        parts.append(table("Both measures by arm, with 95% intervals", head, rows, stacked=True))
    if found.disagreements:
        shown = found.disagreements[:DISAGREEMENTS]
        heading = f"Disagreements: {len(shown):,} of {len(found.disagreements):,}"
        parts.append(details(heading, join(map(_case, shown))))
    return section("judge", "A judge beside the scorer", parts)


def _case(each: Disagreement) -> Markup:
    row = each.outcome
    matched, judged = ("right", "wrong") if row.right >= 1 else ("wrong", "right")
    pairs = [
        (safe("Arm, task"), safe(f"{row.arm}, {row.task}")),
        (safe("Question"), foreign(row.question)),
        (safe("Expected"), foreign(" / ".join(row.expected))),
        (safe("Reply"), foreign(row.reply)),
        (safe("Scorer"), safe(matched)),
        (safe("Judge"), foreign(f"{judged}: {each.said.reason}" if each.said.reason else judged)),
    ]
    return Markup(f'<div class="case">{described(pairs)}</div>')
