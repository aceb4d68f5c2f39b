"""The section of the page on formats and tones: means of the replies to examples."""

from __future__ import annotations

from instill.compare.report.types import Report
from instill.measure.page.elements import Markup, paragraph, safe, section, table
from instill.measure.page.units import score

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
