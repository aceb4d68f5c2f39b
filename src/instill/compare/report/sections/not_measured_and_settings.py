"""What was not measured, how to do it again, and the settings."""

from __future__ import annotations

from instill.compare.report.not_measured import not_measured
from instill.compare.report.types import Report
from instill.measure.page.elements import (
    Markup,
    block,
    described,
    foreign,
    listed,
    paragraph,
    safe,
    section,
)


def missing_section(report: Report) -> Markup:
    """What was not measured, and why."""
    found = not_measured(report)
    if not found:
        return section("missing", "Not measured", [paragraph("Nothing was left out.")])
    items = (Markup(f"<strong>{safe(what)}</strong>: {safe(why)}") for what, why in found.items())
    return section("missing", "Not measured", [listed(items)])


def commands_section(report: Report) -> Markup:
    """How to make it again."""
    commands = "\n".join(report.commands)
    content = block(commands) if commands else paragraph("The commands were not recorded.")
    return section("commands", "Do it again, on the command line", [content])


def about_section(report: Report) -> Markup:
    """Settings, versions, date, hashes."""
    if not report.about:
        return Markup("")
    return section(
        "about", "Settings and versions", [described((safe(k), foreign(v)) for k, v in report.about.items())]
    )
