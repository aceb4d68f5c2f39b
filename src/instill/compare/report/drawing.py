"""The pictures of the report: bars with intervals, and the matrix of what was kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from html import escape

from instill.compare.report.types import Kept
from instill.measure.page.pictures import CURVE, INK, LINE, MARK, PAPER, WIDTH, line, picture, text
from instill.measure.page.plain import clipped, plain
from instill.measure.page.units import signed, three_digits
from instill.measure.statistics.interval_type import Interval

_LEFT, _RIGHT, _ROW = 142.0, 323.0, 20.0
_LETTERS = 22  # of an arm's name; 6.1 units each
_SIZE = 11
_CELL, _SKILLS = 26.0, 3
_TINTS = {"kept": (CURVE, 0.28), "open": (PAPER, 1.0), "lost": (MARK, 0.38)}


def bars(
    scores: Mapping[str, Interval], *, label: str, chosen: Collection[str] = (), reference: Collection[str] = ()
) -> str:
    """A bar an arm, from 0 to 1, with its interval as a line and the mean as a number.

    Args:
        label: what the scores are.
        chosen: arms whose names are set bold.
        reference: arms that show what is possible; their bars are hollow.

    Example:
        >>> bars({"retrieval": Interval(0.5, 0.4, 0.6)}, label="facts").count('class="bar"')
        1
    """
    bottom = 8 + _ROW * len(scores)
    shapes = []
    for tick in (0.0, 0.5, 1.0):
        shapes.append(line(_x(tick), 4, _x(tick), bottom + 3, stroke=LINE))
        shapes.append(text(_x(tick), bottom + 14, f"{tick:g}", anchor="middle"))
    for number, (arm, score) in enumerate(scores.items()):
        top = 6 + _ROW * number
        middle, name = top + _ROW / 2, plain(arm)
        filling = 'fill="none" stroke-dasharray="3 2"' if arm in reference else f'fill="{CURVE}" fill-opacity="0.5"'
        weight = "bold" if arm in chosen else "normal"
        shapes += [
            text(_LEFT - 6, middle + 3.5, clipped(name, _LETTERS), anchor="end", weight=weight),
            f'<rect class="bar" x="{_LEFT}" y="{top + 3:.1f}" width="{max(0.8, _x(score.mean) - _LEFT):.1f}" '
            f'height="{_ROW - 6}" {filling} stroke="{CURVE}"><title>{escape(name)}: {score}</title></rect>',
            line(_x(score.low), middle, _x(score.high), middle, width=1.6, more='class="interval"'),
            line(_x(score.low), middle - 3, _x(score.low), middle + 3, width=1.6),
            line(_x(score.high), middle - 3, _x(score.high), middle + 3, width=1.6),
            text(WIDTH - 3, middle + 3.5, f"{score.mean:.2f}", anchor="end", weight=weight),
        ]
    described = "; ".join(f"{plain(arm)} {score}" for arm, score in scores.items())
    return picture(shapes, bottom + 20, label=plain(label), described=described, size=_SIZE)


def matrix(kept: Sequence[Kept]) -> str:
    """An arm a row, a skill a column: by how much each became worse, and whether that is within what is allowed.

    At most three columns stand beside each other, so that their names are read on a phone; further ones below.

    Example:
        >>> matrix([Kept("fine-tuned", "reading", 0.8, 0.7, Interval(0.1, 0.05, 0.15), 0.03)]).count('class="cell"')
        1
    """
    skills = list(dict.fromkeys(each.skill for each in kept))
    arms = list(dict.fromkeys(each.arm for each in kept))
    cells = {(each.arm, each.skill): each for each in kept}
    shapes: list[str] = []
    top = 0.0
    columns = -(-len(skills) // -(-len(skills) // _SKILLS))  # as many in each part
    width = (WIDTH - 4 - _LEFT) / max(2, columns)
    for start in range(0, len(skills), columns):
        part = skills[start : start + columns]
        for column, skill in enumerate(part):
            name = clipped(plain(skill), int(width / 6.1))
            shapes.append(text(_LEFT + (column + 0.5) * width, top + 13, name, anchor="middle"))
        top += 19
        for arm in arms:
            shapes.append(text(_LEFT - 6, top + _CELL / 2 + 3.5, clipped(plain(arm), _LETTERS), anchor="end"))
            for column, skill in enumerate(part):
                if (arm, skill) in cells:
                    shapes += _cell(cells[arm, skill], _LEFT + column * width, top, width)
            top += _CELL
        top += 8
    top += 6
    places = {"kept": 4.0, "open": 60.0, "lost": 212.0}
    meanings = {"kept": "kept", "open": "not shown either way", "lost": "lost too much"}
    for state, x in places.items():
        shapes.append(_tile(state, x, top, 14, 12, ""))
        shapes.append(text(x + 19, top + 9.5, meanings[state]))
    described = "; ".join(
        f"{plain(each.arm)}, {plain(each.skill)}: worse by {each.loss}, {each.allowed:g} allowed, {each.state}"
        for each in kept
    )
    return picture(shapes, top + 18, label="What was lost of other skills, by arm", described=described, size=_SIZE)


def _cell(each: Kept, x: float, y: float, width: float) -> list[str]:
    change = f"{three_digits(each.before)} to {three_digits(each.after)}, worse by {each.loss}"
    title = f"{plain(each.arm)}, {plain(each.skill)}: {change}"
    return [
        _tile(each.state, x + 1.5, y + 1.5, width - 3, _CELL - 3, f"<title>{escape(title)}</title>", name="cell"),
        text(x + width / 2, y + _CELL / 2 + 3.5, signed(-each.loss.mean), anchor="middle"),
    ]


def _tile(state: str, x: float, y: float, width: float, height: float, inside: str, *, name: str = "key") -> str:
    colour, opacity = _TINTS[state]
    border = {"kept": "", "open": f'stroke="{INK}" stroke-dasharray="2 2"', "lost": f'stroke="{MARK}" stroke-width="2"'}
    return (
        f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}" '
        f'fill-opacity="{opacity:g}" {border[state]}>{inside}</rect>'
    )


def _x(score: float) -> float:
    return _LEFT + min(max(score, 0.0), 1.0) * (_RIGHT - _LEFT)
