"""Answers that were not right, and the prompts as they were sent."""

from __future__ import annotations

from instill.compare.report.failures import KINDS, failures
from instill.compare.report.types import Report
from instill.measure.outcomes import Outcome
from instill.measure.page.elements import (
    Markup,
    block,
    described,
    details,
    foreign,
    join,
    paragraph,
    safe,
    section,
    table,
)


def failures_section(report: Report) -> Markup:
    """By kind, with examples."""
    kinds = failures(report.outcomes, report.causes)
    if not kinds:
        return section("failures", "Failures", [paragraph("Every answer was right, or nothing was asked.")])
    arms = [arm for arm in report.arms if any(arm in each.counts for each in kinds)]
    rows = [[safe(arm), *(safe(str(each.counts.get(arm, 0))) for each in kinds)] for arm in arms]
    parts = [table("Answers that were not right; controls left out", ("Arm", *(k.kind for k in kinds)), rows)]
    for each in kinds:
        cases = join(_case(row, report) for row in each.examples)
        heading = f"{each.kind}: {sum(each.counts.values()):,}, examples"
        parts.append(details(heading, join([paragraph(KINDS.get(each.kind, "")), cases])))
    return section("failures", "Failures", parts)


def _case(row: Outcome, report: Report) -> Markup:
    expected = " / ".join(row.expected) if row.expected else "no answer"
    pairs = [
        (safe("Arm, task"), safe(f"{row.arm}, {row.task}")),
        (safe("Question"), foreign(row.question)),
        (safe("Expected"), foreign("no answer" if row.task == "unanswerable" else expected)),
        (safe("Reply"), foreign(row.reply) if row.reply.strip() else safe("(nothing)")),
    ]
    if row.item in report.evidence:
        pairs.append((safe("Evidence in"), foreign(report.evidence[row.item], most=200)))
    return Markup(f'<div class="case">{described(pairs)}</div>')


def prompts_section(report: Report) -> Markup:
    """One prompt of each arm."""
    shown: dict[str, str] = {}
    for row in report.outcomes:
        if row.arm not in shown and row.prompt in report.prompts:
            shown[row.arm] = report.prompts[row.prompt]
    if not shown:
        return section("prompts", "Prompts", [paragraph("The prompts were not kept.")])
    return section("prompts", "Prompts", [details(f"{arm}: one prompt", block(text)) for arm, text in shown.items()])
