"""What training made a model forget, and how each arm follows a change of the documents."""

from __future__ import annotations

from instill.compare.report.drawing import matrix
from instill.compare.report.types import Report
from instill.measure.page.elements import (
    Markup,
    details,
    figure,
    paragraph,
    safe,
    section,
    table,
)
from instill.measure.page.units import difference, duration, money, three_digits


def kept_section(report: Report) -> Markup:
    """Forgetting."""
    if not report.kept:
        return Markup("")
    rows = [
        [
            safe(f"{each.arm}: {each.skill}"),
            safe(f"{three_digits(each.before)} → {three_digits(each.after)}"),
            safe(difference(each.loss)),
            safe(f"{each.allowed:g}"),
            safe({"kept": "kept", "open": "not shown either way", "lost": "lost more than allowed"}[each.state]),
        ]
        for each in report.kept
    ]
    head = ("Arm and skill", "Before → after", "Worse by [95%]", "Allowed", "Found")
    return section(
        "forgetting",
        "Forgetting",
        [
            paragraph("What the trained arms lost of what they could do before; below 0 is a loss."),
            figure("Change of other skills, by arm", matrix(report.kept)),
            details("The numbers", table("Losses with their 95% intervals", head, rows, stacked=True)),
        ],
    )


def refresh_section(report: Report) -> Markup:
    """Freshness."""
    if not report.refreshes:
        return Markup("")
    rows = [
        [
            safe(each.arm),
            safe("not within the run" if each.seconds is None else duration(each.seconds)),
            safe("–" if each.money is None else money(each.money, report.currency)),
            safe(each.said),
        ]
        for each in sorted(report.refreshes, key=lambda found: (found.seconds is None, found.seconds or 0.0))
    ]
    head = ("Arm", "Until the new fact is answered", "Money", "By")
    return section("freshness", "Freshness", [table("One document is changed", head, rows, stacked=True)])
