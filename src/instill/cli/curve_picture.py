"""The risk-coverage curve as a picture: characters for a terminal, SVG for a page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from instill.measure.risk import Choice, Point

_WIDTH, _HEIGHT = 60, 12


def terminal_picture(points: Sequence[Point], risk: float, choice: Choice) -> str:
    """Coverage to the right, risk upwards: "●" measured, "·" its upper bound, "─" what may be, "◆" the choice.

    Example:
        >>> from instill.measure.risk import Judged, curve
        >>> points = curve([Judged(0.9, False), Judged(0.8, True)])
        >>> terminal_picture(points, 0.1, Choice(None, 5, None)).splitlines()[-1].split()
        ['0%', 'share', 'of', 'questions', 'answered', '100%']
    """
    top = _top(points, risk)
    cells = [[" "] * (_WIDTH + 1) for _ in range(_HEIGHT + 1)]

    def put(coverage: float, height: float, mark: str) -> None:
        if height <= top:
            cells[round(height / top * _HEIGHT)][round(coverage * _WIDTH)] = mark

    for column in range(_WIDTH + 1):
        put(column / _WIDTH, risk, "─")
    for point in points:
        put(point.coverage, point.high, "·")
    for point in points:
        put(point.coverage, point.risk, "●")
    if choice.point is not None:
        put(choice.point.coverage, choice.point.risk, "◆")
    labels = {0: "0%", _HEIGHT: f"{top:.0%}", round(risk / top * _HEIGHT): f"{risk:.0%}"}
    lines = [f"{labels.get(row, ''):>5} │{''.join(cells[row]).rstrip()}" for row in range(_HEIGHT, -1, -1)]
    axis = "0%" + "share of questions answered".center(_WIDTH - 5) + "100%"
    return "\n".join([*lines, f"{'':>5} └{'─' * (_WIDTH + 1)}", f"{'':>7}{axis}"])


def svg_picture(points: Sequence[Point], risk: float, choice: Choice, *, title: str) -> str:
    """A self-contained SVG of 640 x 400: measured risk as a line, from its lower to its upper bound as a band."""
    left, right, upper, lower = 60, 620, 40, 340
    top = _top(points, risk)

    def at(coverage: float, height: float) -> str:
        return f"{left + coverage * (right - left):.1f},{lower - min(height, top) / top * (lower - upper):.1f}"

    band = [at(point.coverage, point.high) for point in points]
    band += [at(point.coverage, point.low) for point in reversed(points)]
    line = [at(point.coverage, point.risk) for point in points]
    allowed_left, allowed_right = at(0, risk), at(1, risk)
    shapes = [
        f'<polygon points="{" ".join(band)}" fill="#4477aa" fill-opacity="0.2"/>',
        f'<polyline points="{" ".join(line)}" fill="none" stroke="#4477aa" stroke-width="2"/>',
        f'<polyline points="{allowed_left} {allowed_right}" stroke="#cc3311" stroke-dasharray="6 4"/>',
        f'<polyline points="{left},{upper} {left},{lower} {right},{lower}" fill="none" stroke="#555"/>',
    ]
    if choice.point is not None:
        x, y = at(choice.point.coverage, choice.point.risk).split(",")
        shapes.append(f'<circle cx="{x}" cy="{y}" r="5" fill="#cc3311"/>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        x = at(share, 0).split(",")[0]
        shapes.append(f'<text x="{x}" y="{lower + 20}" text-anchor="middle">{share:.0%}</text>')
    for height in sorted({0.0, risk, top}):
        y = at(0, height).split(",")[1]
        shapes.append(f'<text x="{left - 8}" y="{y}" dy="4" text-anchor="end">{height:.0%}</text>')
    texts = [
        f'<text x="{left}" y="24" font-weight="bold">{escape(title)}</text>',
        f'<text x="{(left + right) // 2}" y="{lower + 44}" text-anchor="middle">share of questions answered</text>',
        f'<text x="16" y="{(upper + lower) // 2}" text-anchor="middle" '
        f'transform="rotate(-90 16 {(upper + lower) // 2})">wrong among the answers</text>',
    ]
    body = "\n".join([*shapes, *texts])
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 400" font-family="sans-serif" font-size="12">\n'
        f'<rect width="640" height="400" fill="white"/>\n{body}\n</svg>\n'
    )


def _top(points: Sequence[Point], risk: float) -> float:
    """The highest risk that is drawn, a multiple of 10%."""
    highest = max([point.risk for point in points] + [2 * risk])
    return min(1.0, -(-highest * 100 // 10) / 10) or 1.0
