"""The curve as a picture: an inline SVG that is read on a phone, in a browser and in print."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

from instill.curve.advising import REACH, Advice
from instill.curve.laws.fitting import Fit
from instill.curve.results import Result
from instill.measure.page.pictures import CURVE, INK, LINE, MARK, band, line, path, picture, text
from instill.measure.statistics.interval_type import Interval

_HEIGHT = 286
_LEFT, _RIGHT, _UPPER, _LOWER = 40.0, 350.0, 14.0, 206.0
_STEPS = 48


def curve_picture(
    fit: Fit, advice: Advice | None = None, *, results: Sequence[Result] = (), label: str = "score", title: str = ""
) -> str:
    """Points with intervals, the curve with its band, and the size that is enough, over a logarithmic axis.

    360 units wide, so that 10 units of text are 10 pixels on a phone; wider places scale it. Solid is what was
    measured; the dashed part of the curve lies beyond the largest size. Each kind of mark has its own form, so nothing
    is lost without colours.

    Args:
        results: single trainings, drawn as small open circles.
        label: what the scores are.
        title: for readers that speak; the label if empty.

    Example:
        >>> from instill.curve.laws.fitting import fit_curve
        >>> results = [Result(n, 0, (0.9 - 2 * n**-0.5,) * 300) for n in (10, 30, 100, 300, 1000)]
        >>> picture = curve_picture(fit_curve(results), results=results)
        >>> picture.count('class="point"'), picture.count('class="seed"'), picture.count('class="curve"')
        (5, 5, 1)
    """
    frame = _Frame(fit, advice, results)
    shapes = [*_grid(frame), *_law(fit, frame)]
    if advice is not None:
        shapes += _enough(advice, frame)
    shapes += [
        f'<circle class="seed" cx="{frame.x(result.size):.1f}" cy="{frame.y(result.mean):.1f}" r="1.8" fill="none" '
        f'stroke="{INK}" stroke-width="0.6"/>'
        for result in results
    ]
    for point in fit.points:
        x, score = frame.x(point.size), point.score
        shapes += [
            line(x, frame.y(score.low), x, frame.y(score.high), width=1.2),
            f'<circle class="point" cx="{x:.1f}" cy="{frame.y(score.mean):.1f}" r="3" fill="{INK}">'
            f"<title>{point.size:,} rows, {point.seeds} seeds: {score}</title></circle>",
        ]
    shapes += _legend(fit, advice, label, bool(results))
    return picture(shapes, _HEIGHT, label=title or label)


class _Frame:
    """From sizes and scores to places in the picture."""

    def __init__(self, fit: Fit, advice: Advice | None, results: Sequence[Result]) -> None:
        self.smallest, self.largest = float(fit.smallest), float(fit.largest)
        self.reach = float(REACH * fit.largest)
        wanted = [self.largest]
        if advice is not None:
            wanted.append(float(advice.have))
            if advice.enough is not None:
                wanted += [advice.enough.mean, advice.enough.high]
        self.end = max(min(max(wanted) * 1.1, self.reach), self.largest)
        self._low, self._high = log10(self.smallest) - 0.08, log10(self.end) + 0.08
        values = [each for point in fit.points for each in (point.score.low, point.score.high, point.score.mean)]
        values += [result.mean for result in results]
        values += [each.high for each in self.law(fit)]
        self.step = _step(max(values) - min(values))
        self.bottom = max(0.0, floor(min(values) / self.step + 1e-9) * self.step)
        self.top = max(min(1.0, ceil(max(values) / self.step - 1e-9) * self.step), self.bottom + self.step)

    def law(self, fit: Fit) -> list[Interval]:
        """The curve at `sizes`; empty if there is none to be shown."""
        return fit.at(self.sizes(fit)) if fit.shape in ("rising", "flat", "noisy", "bent") else []

    def sizes(self, fit: Fit) -> list[float]:
        """From the first size on the curve to the end of the picture; the largest measured one is among them."""
        start, ratio = float(fit.fitted_from), self.end / fit.fitted_from
        return sorted({*(start * ratio ** (step / _STEPS) for step in range(_STEPS + 1)), self.largest})

    def x(self, size: float) -> float:
        return _LEFT + (log10(size) - self._low) / (self._high - self._low) * (_RIGHT - _LEFT)

    def y(self, score: float) -> float:
        inside = min(max(score, self.bottom), self.top)
        return _LOWER - (inside - self.bottom) / (self.top - self.bottom) * (_LOWER - _UPPER)


def _step(span: float) -> float:
    """Between lines: at most five of them over `span`."""
    return next((step for step in (0.01, 0.02, 0.05, 0.1, 0.2) if span <= 5 * step), 0.25)


def _grid(frame: _Frame) -> list[str]:
    shapes = []
    for number in range(round((frame.top - frame.bottom) / frame.step) + 1):
        value = frame.bottom + number * frame.step
        y = frame.y(value)
        shapes.append(line(_LEFT, y, _RIGHT, y, stroke=LINE))
        shapes.append(text(_LEFT - 5, y + 3.5, f"{value:g}" if frame.step >= 0.1 else f"{value:.2f}", anchor="end"))
    for size in _ticks(frame):
        x = frame.x(size)
        shapes.append(line(x, _LOWER, x, _LOWER + 4))
        shapes.append(text(x, _LOWER + 15, _short(size), anchor="middle"))
    shapes.append(line(_LEFT, _LOWER, _RIGHT, _LOWER))
    return shapes


def _ticks(frame: _Frame) -> list[float]:
    """Powers of ten; with 2 and 5 times them where there are few."""
    powers = range(floor(log10(frame.smallest)) - 1, ceil(log10(frame.end)) + 1)

    def inside(factors: Sequence[int]) -> list[float]:
        found = [factor * 10.0**power for power in powers for factor in factors]
        return [size for size in found if size >= 1 and _LEFT + 4 <= frame.x(size) <= _RIGHT - 4]

    chosen = next((found for found in (inside((1,)), inside((1, 3)), inside((1, 2, 5))) if len(found) >= 3), [])
    return chosen or [frame.smallest] + [frame.end] * (frame.x(frame.end) - frame.x(frame.smallest) > 40)


def _law(fit: Fit, frame: _Frame) -> list[str]:
    values = frame.law(fit)
    if not values:
        return []
    sizes = frame.sizes(fit)
    upper = [(frame.x(size), frame.y(each.high)) for size, each in zip(sizes, values, strict=True)]
    lower = [(frame.x(size), frame.y(each.low)) for size, each in zip(sizes, values, strict=True)]
    middle = [(frame.x(size), frame.y(each.mean)) for size, each in zip(sizes, values, strict=True)]
    turn = sizes.index(frame.largest)
    shapes = [
        band(upper, lower, opacity=0.22, more='class="band"'),
        path(middle[: turn + 1], width=1.8, more='class="curve"'),
    ]
    if turn + 1 < len(middle):
        shapes.append(path(middle[turn:], width=1.8, more='class="beyond" stroke-dasharray="4 3"'))
    return shapes


def _enough(advice: Advice, frame: _Frame) -> list[str]:
    """The size that is enough as a dashed line with its interval as a bar at the top; what lies outside is cut."""
    if advice.enough is None or advice.kind == "not enough evidence":
        return []
    low, high = (min(max(each, frame.smallest), frame.end) for each in (advice.enough.low, advice.enough.high))
    y = _UPPER + 4
    shapes = [line(frame.x(low), y, frame.x(high), y, stroke=MARK, width=3, more='class="enough-interval"')]
    if frame.smallest <= advice.enough.mean <= frame.end:
        x = frame.x(advice.enough.mean)
        shapes.append(line(x, _UPPER, x, _LOWER, stroke=MARK, width=1.5, more='class="enough" stroke-dasharray="2 2"'))
    return shapes


def _legend(fit: Fit, advice: Advice | None, label: str, single: bool) -> list[str]:
    top = _LOWER + 30
    shapes = [text((_LEFT + _RIGHT) / 2, top, f"rows; upwards: {label}", anchor="middle")]
    first = top + 17
    shapes += [
        f'<circle cx="14" cy="{first - 3.5}" r="3" fill="{INK}"/>',
        line(14, first - 9, 14, first + 2, width=1.2),
        text(24, first, "mean, 95%"),
    ]
    if single:
        shapes.append(f'<circle cx="98" cy="{first - 3.5}" r="1.8" fill="none" stroke="{INK}" stroke-width="0.6"/>')
        shapes.append(text(105, first, "one training"))
    if fit.shape in ("rising", "flat", "noisy", "bent"):
        shapes.append(line(182, first - 3.5, 200, first - 3.5, stroke=CURVE, width=1.8))
        shapes.append(text(205, first, "curve, dashed beyond data"))
    if advice is None or advice.enough is None or advice.kind == "not enough evidence":
        return shapes
    second = first + 17
    found = [_rows(each, fit) for each in (advice.enough.mean, advice.enough.low, advice.enough.high)]
    shapes.append(line(5, second - 3.5, 20, second - 3.5, stroke=MARK, width=3))
    ends = f" [{found[1]}, {found[2]}]" if len(set(found)) > 1 else ""
    shapes.append(text(24, second, f"enough: {found[0]} rows{ends}", weight="bold"))
    return shapes


def _rows(size: float, fit: Fit) -> str:
    """A size in few characters; what lies outside of what the curve is trusted for is not given as a number."""
    if size > REACH * fit.largest:
        return f"over {_short(REACH * fit.largest)}"
    return _short(size) if size >= fit.smallest else f"under {_short(fit.smallest)}"


def _short(size: float) -> str:
    """Two or three digits: 46, 460, 1.2k, 46k, 3M."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= 0.9995 * unit:
            return f"{size / unit:.2g}{name}" if size < 99.5 * unit else f"{size / unit:.0f}{name}"
    return f"{size:.0f}"
