"""Pictures for the report on the experiments: bars with intervals, and curves over a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

from instill.measure.page.pictures import LINE, band, line, path, picture, text
from instill.measure.statistics.interval_type import Interval

COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777", "#bb5533")
_ROW, _GAP, _LEFT, _RIGHT, _WIDTH = 20, 16, 190, 60, 720

_text = partial(text, colour="black")
_picture = partial(picture, size=12, width=_WIDTH)


def bars(means: Mapping[str, Mapping[str, Interval]], names: Sequence[str]) -> str:
    """One group a quantity, one bar an arm, from 0 to 1, with the interval as a line.

    Example:
        >>> bars({"base": {"new": Interval(0.5, 0.4, 0.6)}}, ["new"]).count("<rect")
        2
    """
    span = _WIDTH - _LEFT - _RIGHT
    shapes: list[str] = []
    top = 6
    for name in names:
        shapes.append(_text(0, top + 13, name, weight="bold"))
        top += _ROW
        for number, (arm, values) in enumerate(means.items()):
            if name not in values:
                continue
            value, colour = values[name], COLOURS[number % len(COLOURS)]
            middle = top + _ROW / 2
            shapes += [
                _text(_LEFT - 8, middle + 4, arm, anchor="end"),
                f'<rect x="{_LEFT}" y="{top + 3}" width="{max(0.5, span * value.mean):.1f}" height="{_ROW - 6}" '
                f'fill="{colour}"/>',
                line(_LEFT + span * value.low, middle, _LEFT + span * value.high, middle, width=1.5),
                _text(_LEFT + span * max(value.high, value.mean) + 6, middle + 4, f"{value.mean:.2f}"),
            ]
            top += _ROW
        top += _GAP
    return _picture(shapes, top, label=", ".join(names))


def differences(found: Mapping[str, Interval], lines: Mapping[str, float], colours: Mapping[str, str]) -> str:
    """One line an effect, from -1 to 1: the difference as a point with its interval.

    Args:
        lines: where the interval has to lie to the right of; 0 for most effects.
        colours: of each effect.

    Example:
        >>> differences({"more": Interval(0.2, 0.1, 0.3)}, {"more": 0}, {"more": "green"}).count("<circle")
        1
    """
    left, right, room = 330, _WIDTH - 20, 24
    height = 20 + _ROW * len(found) + room

    def x_of(value: float) -> float:
        return left + (min(1.0, max(-1.0, value)) + 1) / 2 * (right - left)

    shapes = []
    for tick in (-1, -0.5, 0, 0.5, 1):
        shapes.append(line(x_of(tick), 14, x_of(tick), height - room, stroke=LINE))
        shapes.append(_text(x_of(tick), height - 6, f"{tick:+g}" if tick else "0", anchor="middle"))
    for number, (said, each) in enumerate(found.items()):
        middle = 14 + _ROW * (number + 0.5)
        least = x_of(lines[said])
        shapes += [
            _text(left - 8, middle + 4, said if len(said) < 56 else said[:54] + "…", anchor="end"),
            line(least, middle - 7, least, middle + 7, stroke="black"),
            line(x_of(each.low), middle, x_of(each.high), middle, stroke=colours[said], width=3),
            f'<circle cx="{x_of(each.mean):.1f}" cy="{middle:.1f}" r="4" fill="{colours[said]}"/>',
        ]
    return _picture(shapes, height, label="differences with their intervals")


def curves(points: Mapping[str, Interval], places: Mapping[str, float], *, label: str) -> str:
    """Lines through the points of each kind; a point's kind is its name up to the comma.

    Args:
        places: x of each point, above 0; the axis is logarithmic.
    """
    height, left, right, upper, lower = 300, 60, _WIDTH - 130, 20, 250
    low, high = math.log10(min(places.values())), math.log10(max(places.values()))

    def x_of(place: float) -> float:
        return left + (math.log10(place) - low) / max(1e-9, high - low) * (right - left)

    def y_of(value: float) -> float:
        return lower - value * (lower - upper)

    shapes = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        shapes.append(line(left, y_of(tick), right, y_of(tick), stroke=LINE))
        shapes.append(_text(left - 8, y_of(tick) + 4, f"{tick:g}", anchor="end"))
    for place in sorted(set(places.values())):
        shapes.append(_text(x_of(place), lower + 18, f"{place:g}", anchor="middle"))
    kinds: dict[str, list[tuple[float, Interval]]] = {}
    for name, value in points.items():
        kinds.setdefault(name.split(",")[0], []).append((places[name], value))
    for number, found in enumerate(kinds.values()):
        colour = COLOURS[number % len(COLOURS)]
        found.sort(key=lambda each: each[0])
        highs = [(x_of(place), y_of(value.high)) for place, value in found]
        lows = [(x_of(place), y_of(value.low)) for place, value in found]
        shapes += [
            band(highs, lows, fill=colour),
            path([(x_of(place), y_of(value.mean)) for place, value in found], stroke=colour, width=2),
        ]
    ends = [y_of(found[-1][1].mean) for found in kinds.values()]
    for number, (kind, y) in enumerate(zip(kinds, apart(ends, 14), strict=True)):
        shapes.append(line(right + 8, y, right + 20, y, stroke=COLOURS[number % len(COLOURS)], width=3))
        shapes.append(_text(right + 26, y + 4, kind))
    shapes.append(_text((left + right) / 2, lower + 40, f"examples; upwards: {label}", anchor="middle"))
    return _picture(shapes, height, label=label)


def apart(wanted: Sequence[float], least: float) -> list[float]:
    """Places for labels near `wanted`, in the same order, `least` apart from each other.

    Example:
        >>> apart([30, 10, 12], 10)
        [30.0, 6.0, 16.0]
    """
    groups: list[list[int]] = []
    for number in sorted(range(len(wanted)), key=lambda each: wanted[each]):
        groups.append([number])
        # Labels that would touch stand around the middle of where they want to be.
        while len(groups) > 1 and _first(groups[-1], wanted, least) < _last(groups[-2], wanted, least) + least:
            groups[-2:] = [groups[-2] + groups[-1]]
    found = [0.0] * len(wanted)
    for group in groups:
        for place, number in enumerate(group):
            found[number] = _first(group, wanted, least) + place * least
    return found


def _first(group: Sequence[int], wanted: Sequence[float], least: float) -> float:
    return sum(wanted[number] for number in group) / len(group) - (len(group) - 1) * least / 2


def _last(group: Sequence[int], wanted: Sequence[float], least: float) -> float:
    return _first(group, wanted, least) + (len(group) - 1) * least
