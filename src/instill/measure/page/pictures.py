"""Pictures as SVG: colours, text, lines, bands, and the frame; what all drawings of reports are put together from.

The colours stand as attributes, so that a picture is complete by itself; a page for dark screens replaces them by
their values (`DARK`), with rules such as `[fill="#222222"] { fill: … }`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

INK, PAPER, LINE, CURVE, MARK = "#222222", "white", "#dddddd", "#4477aa", "#bb5533"

DARK = {INK: "#eceff1", PAPER: "#15191c", LINE: "#3a4247", CURVE: "#7fb2e5", MARK: "#f0956f"}
"""What takes each colour's place on a dark screen."""

WIDTH = 360
"""Units of a picture that is scaled to its place: 10 of them are 10 pixels on a phone."""

Point = tuple[float, float]


def text(
    x: float,
    y: float,
    content: str,
    *,
    anchor: str = "start",
    weight: str = "normal",
    colour: str = INK,
    more: str = "",
) -> str:
    """A line of text, escaped; `more` is put among its attributes as it is.

    Example:
        >>> text(1, 2, "a < b")
        '<text x="1.0" y="2.0" text-anchor="start" font-weight="normal" fill="#222222">a &lt; b</text>'
    """
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{colour}"'
        f"{' ' if more else ''}{more}>{escape(content)}</text>"
    )


def line(x1: float, y1: float, x2: float, y2: float, *, stroke: str = INK, width: float = 1, more: str = "") -> str:
    """A straight line; `more` is put among its attributes as it is."""
    return (
        f'<line {more}{" " if more else ""}x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" '
        f'stroke="{stroke}" stroke-width="{width:g}"/>'
    )


def path(points: Iterable[Point], *, stroke: str = CURVE, width: float = 1, more: str = "") -> str:
    """A line through the points; `more` is put among its attributes as it is.

    Example:
        >>> path([(0, 0), (1, 2)], more='class="curve"')
        '<polyline class="curve" points="0.0,0.0 1.0,2.0" fill="none" stroke="#4477aa" stroke-width="1"/>'
    """
    return (
        f'<polyline {more}{" " if more else ""}points="{_places(points)}" fill="none" stroke="{stroke}" '
        f'stroke-width="{width:g}"/>'
    )


def band(
    upper: Iterable[Point], lower: Sequence[Point], *, fill: str = CURVE, opacity: float = 0.2, more: str = ""
) -> str:
    """What lies between two lines, both from left to right; `more` is put among its attributes as it is.

    Example:
        >>> band([(0, 1), (5, 1)], [(0, 0), (5, 0)])
        '<polygon points="0.0,1.0 5.0,1.0 5.0,0.0 0.0,0.0" fill="#4477aa" fill-opacity="0.2"/>'
    """
    around = _places([*upper, *reversed(lower)])
    return f'<polygon {more}{" " if more else ""}points="{around}" fill="{fill}" fill-opacity="{opacity:g}"/>'


def picture(
    shapes: Sequence[str], height: float, *, label: str, described: str = "", size: int = 10, width: int = 0
) -> str:
    """The frame: `WIDTH` units wide and scaled to the place it stands in, at most twice as wide.

    Args:
        label: what a reader that speaks says first.
        described: the same content in words.
        size: of the text, in units.
        width: in units, of a picture that is so many pixels wide where there is place; 0: one that is scaled.
    """
    body = "\n".join(shapes)
    description = f"<desc>{escape(described)}</desc>\n" if described else ""
    style = "" if width else f'style="width:100%;max-width:{2 * WIDTH}px;height:auto" '
    across = width or WIDTH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {height:g}" {style}font-family="sans-serif" '
        f'font-size="{size}" role="img" aria-label="{escape(label)}">\n<title>{escape(label)}</title>\n{description}'
        f'<rect width="{across}" height="{height:g}" fill="{PAPER}"/>\n{body}\n</svg>'
    )


def _places(points: Iterable[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
