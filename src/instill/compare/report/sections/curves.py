"""How much data is needed."""

from __future__ import annotations

from instill.compare.report.types import DataCurve, Report
from instill.curve.drawing import curve_picture
from instill.measure.page.elements import (
    Markup,
    figure,
    join,
    paragraph,
    section,
)
from instill.measure.page.plain import clipped, plain


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
