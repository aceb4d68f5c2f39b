"""The report as one HTML file that needs nothing else: no script, no request, pictures inline.

All text of documents, replies and prompts goes through `elements`, which escapes it. The page also forbids scripts and
requests for itself, so that a mistake there would not run anything.
"""

from __future__ import annotations

from instill.compare.report.sections.beyond_plain import beside_section, conflicts_section
from instill.compare.report.sections.curves import curves_section
from instill.compare.report.sections.failures_and_prompts import failures_section, prompts_section
from instill.compare.report.sections.forgetting_and_freshness import kept_section, refresh_section
from instill.compare.report.sections.formats_and_tones import examples_section
from instill.compare.report.sections.judge import judge_section
from instill.compare.report.sections.not_measured_and_settings import about_section, commands_section, missing_section
from instill.compare.report.sections.scores_and_costs import costs_section, needs_section, scores_section
from instill.compare.report.sections.words import words_section
from instill.compare.report.types import Report
from instill.measure.page.elements import Markup, described, join, safe
from instill.measure.page.style import style
from instill.measure.verdict_in_words import findings

_SECTIONS = {
    "needs": ("By need", needs_section),
    "scores": ("Scores", scores_section),
    "costs": ("Costs", costs_section),
    "examples": ("Formats and tones", examples_section),
    "beside": ("Beyond plain questions", beside_section),
    "forgetting": ("Forgetting", kept_section),
    "freshness": ("Freshness", refresh_section),
    "conflicts": ("Which one wins", conflicts_section),
    "curves": ("How much data", curves_section),
    "failures": ("Failures", failures_section),
    "judge": ("A judge", judge_section),
    "prompts": ("Prompts", prompts_section),
    "missing": ("Not measured", missing_section),
    "commands": ("Do it again", commands_section),
    "about": ("Settings", about_section),
    "words": ("Words", words_section),
}


def as_html(report: Report) -> str:
    """The whole page.

    Example:
        >>> from instill.measure.verdict import reach_verdict
        >>> as_html(Report("Handbook", reach_verdict([], []), [])).splitlines()[0]
        '<!doctype html>'
    """
    drawn = {name: make(report) for name, (_, make) in _SECTIONS.items()}
    there = {name: content for name, content in drawn.items() if content}
    links = join((Markup(f'<li><a href="#{name}">{safe(_SECTIONS[name][0])}</a></li>') for name in there), "")
    title = safe(report.title)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{title}: fine-tune or retrieve?</title>\n<style>\n{style()}\n</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{title}</h1>\n{_in_short(report)}\n"
        f'<nav aria-label="Contents"><ul>{links}</ul></nav>\n</header>\n<main>\n{join(there.values())}\n</main>\n'
        "</body>\n</html>\n"
    )


def _in_short(report: Report) -> Markup:
    """The verdict as a person would say it, with its exact figures behind it; where nothing was found, these alone."""
    said = report.verdict.said
    found = findings(report.verdict.as_dict())
    if not found:
        return Markup(f'<p class="verdict">{safe(said)}</p>')
    told = described((safe(each.about), safe(" ".join(each.said))) for each in found)
    exact = f"<details><summary>In exact figures</summary>\n<p>{safe(said)}</p></details>"
    return Markup(f'<div class="in-short">{told}</div>\n{exact}')
