"""The risk-coverage curve as a picture: characters for a terminal, SVG for a page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from instill.measure.page.pictures import band, path, picture, text
from instill.measure.risk import Choice, Point

_WIDTH, _HEIGHT = 60, 12
_ALLOWED = "#cc3311"


def terminal_picture(points: Sequence[Point], risk: float, choice: Choice) -> str:
    """Coverage to the right, risk upwards: "●" measured, "·" its upper bound, "─" what may be, "◆" the choice.

    Example:
        >>> from instill.measure.risk import JudgedAnswer, curve
        >>> points = curve([JudgedAnswer(0.9, False), JudgedAnswer(0.8, True)])
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

    def at(coverage: float, height: float) -> tuple[float, float]:
        return left + coverage * (right - left), lower - min(height, top) / top * (lower - upper)

    shapes = [
        band([at(point.coverage, point.high) for point in points], [at(point.coverage, point.low) for point in points]),
        path([at(point.coverage, point.risk) for point in points], width=2),
        path([at(0, risk), at(1, risk)], stroke=_ALLOWED, more='stroke-dasharray="6 4"'),
        path([(left, upper), (left, lower), (right, lower)], stroke="#555"),
    ]
    if choice.point is not None:
        x, y = at(choice.point.coverage, choice.point.risk)
        shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{_ALLOWED}"/>')
    label = partial(text, colour="black")
    middle = (upper + lower) // 2
    for share in (0, 0.25, 0.5, 0.75, 1):
        shapes.append(label(at(share, 0)[0], lower + 20, f"{share:.0%}", anchor="middle"))
    for height in sorted({0.0, risk, top}):
        shapes.append(label(left - 8, at(0, height)[1] + 4, f"{height:.0%}", anchor="end"))
    shapes += [
        label(left, 24, title, weight="bold"),
        label((left + right) // 2, lower + 44, "share of questions answered", anchor="middle"),
        label(16, middle, "wrong among the answers", anchor="middle", more=f'transform="rotate(-90 16 {middle})"'),
    ]
    return picture(shapes, 400, label=title, size=12, width=640) + "\n"


def _top(points: Sequence[Point], risk: float) -> float:
    """The highest risk that is drawn, a multiple of 10%."""
    highest = max([point.risk for point in points] + [2 * risk])
    return min(1.0, -(-highest * 100 // 10) / 10) or 1.0
