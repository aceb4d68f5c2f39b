"""The sections of the page on what was found beside the scores: generalisation, forgetting, curves, failures."""

from __future__ import annotations

from instill.compare.report.drawing import matrix
from instill.compare.report.failures import KINDS, failures
from instill.compare.report.missing import not_measured
from instill.compare.report.scores import BESIDE, CONFLICTS, against_facts, scores_by_task
from instill.compare.report.types import DataCurve, Report
from instill.curve.drawing import curve_picture
from instill.measure.outcomes import Outcome
from instill.measure.page.elements import (
    Markup,
    block,
    described,
    details,
    figure,
    foreign,
    join,
    listed,
    paragraph,
    safe,
    section,
    table,
)
from instill.measure.page.plain import clipped, plain
from instill.measure.page.units import difference, duration, money, score, three_digits


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


def curves_section(report: Report) -> Markup:
    """How much data is needed."""
    if not report.curves:
        return Markup("")
    figures = join(map(_curve, report.curves))
    return section("curves", "How much data", [Markup(f'<div class="figures">\n{figures}\n</div>')])


def _curve(each: DataCurve) -> Markup:
    name = plain(each.name)
    drawn = curve_picture(each.fit, each.advice, results=each.results, label=clipped(name, 30), title=name)
    said = [paragraph(each.advice.said), *map(paragraph, each.fit.notes)]
    if each.overfitting is not None:
        said.append(paragraph(each.overfitting.said))
    return Markup(f"<div>{figure(name, drawn)}\n{join(said)}</div>")


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
    return section("commands", "Do it again", [content])


def about_section(report: Report) -> Markup:
    """Settings, versions, date, hashes."""
    if not report.about:
        return Markup("")
    return section(
        "about", "Settings and versions", [described((safe(k), foreign(v)) for k, v in report.about.items())]
    )
