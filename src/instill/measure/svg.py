"""What the pictures of reports share: colours, texts, lines, and the frame that scales.

The colours stand as attributes, so that a picture is complete by itself; a page for dark screens replaces them by
their values (`DARK`), with rules such as `[fill="#222222"] { fill: … }`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

INK, PAPER, LINE, CURVE, MARK = "#222222", "white", "#dddddd", "#4477aa", "#bb5533"

DARK = {INK: "#eceff1", PAPER: "#15191c", LINE: "#3a4247", CURVE: "#7fb2e5", MARK: "#f0956f"}
"""What takes each colour's place on a dark screen."""

WIDTH = 360
"""Units: 10 of them are 10 pixels on a phone."""


def text(x: float, y: float, content: str, *, anchor: str = "start", weight: str = "normal") -> str:
    """A line of text, escaped.

    Example:
        >>> text(1, 2, "a < b")
        '<text x="1.0" y="2.0" text-anchor="start" font-weight="normal" fill="#222222">a &lt; b</text>'
    """
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{INK}">'
        f"{escape(content)}</text>"
    )


def line(x1: float, y1: float, x2: float, y2: float, *, stroke: str = INK, width: float = 1, more: str = "") -> str:
    """A straight line; `more` is put among its attributes as it is."""
    return (
        f'<line {more}{" " if more else ""}x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" '
        f'stroke="{stroke}" stroke-width="{width:g}"/>'
    )


def picture(shapes: Sequence[str], height: float, *, label: str, described: str = "", size: int = 10) -> str:
    """The frame: `WIDTH` units wide, scaled to the place it stands in, at most twice as wide.

    Args:
        label: what a reader that speaks says first.
        described: the same content in words.
        size: of the text, in units.
    """
    body = "\n".join(shapes)
    description = f"<desc>{escape(described)}</desc>\n" if described else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" '
        f'style="width:100%;max-width:{2 * WIDTH}px;height:auto" font-family="sans-serif" font-size="{size}" '
        f'role="img" aria-label="{escape(label)}">\n<title>{escape(label)}</title>\n{description}'
        f'<rect width="{WIDTH}" height="{height:g}" fill="{PAPER}"/>\n{body}\n</svg>'
    )
