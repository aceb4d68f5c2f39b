"""What plain questions do not show: other forms of asking, and documents that contradict the model."""

from __future__ import annotations

from instill.compare.report.scores import BESIDE, CONFLICTS, against_facts, scores_by_task
from instill.compare.report.types import Report
from instill.measure.page.elements import (
    Markup,
    join,
    paragraph,
    safe,
    section,
    table,
)
from instill.measure.page.units import difference, score


def beside_section(report: Report) -> Markup:
    """Each of the tasks that are held beside plain questions."""
    parts = []
    for each in scores_by_task(report.outcomes, report.verdict.fewer):
        if each.task not in BESIDE or not each.scores:
            continue
        differences = against_facts(report.outcomes, each.task)
        rows = [[safe(arm), safe(score(found))] for arm, found in each.scores.items()]
        head = ["Arm", "Right answers [95%]"]
        if differences:  # Of some tasks no fact is asked plainly too.
            head.append("Against plain questions on the same facts")
            for arm, row in zip(each.scores, rows, strict=True):
                row.append(safe(difference(differences[arm]) if arm in differences else "–"))
        many = f"{each.questions:,} question{'s' * (each.questions != 1)}"
        title = Markup(f"<h3>{safe(each.task[0].upper() + each.task[1:])}</h3>")
        parts.append(join([title, paragraph(BESIDE[each.task]), table(many, head, rows)]))
    return section("beside", "Beyond plain questions", parts) if parts else Markup("")


def conflicts_section(report: Report) -> Markup:
    """Documents against what the models believe."""
    if not report.conflicts:
        return Markup("")
    names = list(report.conflicts[0].counts)
    rows = [
        [safe(each.arm), safe(f"{each.questions:,}"), *(safe(f"{each.counts[name]:,}") for name in names)]
        for each in report.conflicts
    ]
    return section(
        "conflicts",
        "Which one wins",
        [
            paragraph(CONFLICTS),
            table("What the answers follow", ("Arm", "Asked", *(name.capitalize() for name in names)), rows),
        ],
    )
