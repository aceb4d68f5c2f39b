"""A data curve as one HTML file that needs nothing else, and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from instill.curve.drawing import curve_picture
from instill.curve.growing import MeasuredCurve
from instill.measure.page.elements import (
    Markup,
    block,
    described,
    figure,
    foreign,
    join,
    paragraph,
    safe,
    section,
    table,
)
from instill.measure.page.style import style
from instill.measure.page.units import duration, score

PAGE_FILE, PICTURE_FILE = "curve.html", "curve.svg"

HEAD = ("Rows", "Score [95%]", "Seeds", "Taught rows", "Never taught", "Steps", "Time")
"""Of the table; what was not measured at any size is left out."""


def write_page(measured: MeasuredCurve, commands: Sequence[str] = ()) -> list[Path]:
    """Write page and picture beside the results; where they are.

    Args:
        commands: that make them again.
    """
    page, drawn = measured.folder / PAGE_FILE, measured.folder / PICTURE_FILE
    page.write_text(curve_page(measured, commands), encoding="utf-8")
    drawn.write_text(f"{curve_drawn(measured)}\n", encoding="utf-8")
    return [page, drawn]


def curve_drawn(measured: MeasuredCurve) -> str:
    """The picture, an SVG."""
    curve = measured.curve
    return curve_picture(
        curve.fit,
        curve.advice,
        results=curve.results,
        label=measured.material.label,
        title=f"{measured.material.name}: {measured.material.label} by number of rows",
    )


def curve_table(measured: MeasuredCurve) -> tuple[list[str], list[list[str]]]:
    """Head and rows: a row for each size."""
    curve = measured.curve
    seconds: dict[int, float] = {}
    for result in curve.results:
        seconds[result.size] = seconds.get(result.size, 0.0) + result.seconds
    rows = [
        [
            f"{point.size:,}",
            score(point.score),
            str(point.seeds),
            _share(measured.taught, point.size),
            _share(measured.controls, point.size),
            f"{measured.steps[point.size]:,}",
            duration(seconds[point.size]),
        ]
        for point in curve.fit.points
    ]
    kept = [column for column in range(len(HEAD)) if any(row[column] for row in rows)]
    return [HEAD[column] for column in kept], [[row[column] for column in kept] for row in rows]


def left_out(measured: MeasuredCurve) -> str:
    """What the early stop has spared, in a sentence; "" for nothing."""
    curve, parts = measured.curve, []
    if curve.skipped_sizes:
        sizes = ", ".join(f"{size:,}" for size in curve.skipped_sizes)
        parts.append(f"sizes {sizes}, because the largest size measured is proven to be enough")
    if curve.skipped_seeds:
        some = "1 training" if curve.skipped_seeds == 1 else f"{curve.skipped_seeds} trainings"
        parts.append(f"{some} of sizes whose mean was known well enough")
    return f"Left out: {'; '.join(parts)}. --all measures everything." if parts else ""


def curve_page(measured: MeasuredCurve, commands: Sequence[str] = ()) -> str:
    """The whole page. It forbids scripts and requests for itself; all text of others is escaped."""
    title = safe(measured.material.name)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{title}: how much data?</title>\n<style>\n{style()}\n</style>\n</head>\n<body>\n"
        f'<header>\n<h1>{title}: how much data?</h1>\n<p class="verdict">{safe(measured.curve.advice.said)}</p>\n'
        f"</header>\n<main>\n{join(_sections(measured, commands))}\n</main>\n</body>\n</html>\n"
    )


def _sections(measured: MeasuredCurve, commands: Sequence[str]) -> list[Markup]:
    material, curve = measured.material, measured.curve
    head, rows = curve_table(measured)
    numbers = [[Markup(f'<span class="number">{safe(cell)}</span>') for cell in row] for row in rows]
    found = [measured.overfitting.said] if measured.overfitting else []
    spared = left_out(measured)
    caption = f"{material.label[:1].upper()}{material.label[1:]} by number of rows"
    return [
        section("curve", "The curve", [figure(caption, curve_drawn(measured))]),
        section(
            "sizes",
            "The sizes",
            [
                table("Scores from 0 to 1", head, numbers, stacked=True),
                *map(paragraph, [*found, *([spared] if spared else []), *measured.notes]),
            ],
        ),
        section("commands", "Do it again, on the command line", [block("\n".join(commands))] if commands else []),
        section(
            "about",
            "Settings",
            [
                described(
                    (safe(name), foreign(value))
                    for name, value in (
                        ("Base", measured.base),
                        ("Method", material.recipe.method),
                        ("Rows", f"{len(material.rows):,}"),
                        ("Questions", f"{len(material.asked):,}, about {len(set(material.groups)):,} groups"),
                        ("Scored by", material.label),
                        ("Gain of a doubling that counts", f"{curve.advice.gain:g}"),
                        ("Rows that are there", f"{curve.advice.have:,}"),
                    )
                )
            ],
        ),
    ]


def _share(values: Mapping[int, float], size: int) -> str:
    return f"{values[size]:.2f}" if size in values else ""
