"""Pieces of HTML. What they are given as text is made harmless here; what is markup already has the type `Markup`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NewType

from instill.measure.page.plain import plain, shortened

Markup = NewType("Markup", str)

LONGEST = 1200
"""Characters shown of one text from a document, a reply or a prompt."""


def safe(content: str) -> Markup:
    """Text on one line.

    Example:
        >>> safe('<script>a & "b"</script>')
        '&lt;script&gt;a &amp; &quot;b&quot;&lt;/script&gt;'
    """
    return Markup(escape(plain(content)))


def foreign(content: str, *, most: int = LONGEST) -> Markup:
    """Text that others wrote: cut when long, kept from turning the direction of what stands beside it.

    Example:
        >>> foreign("a <b>")
        '<bdi>a &lt;b&gt;</bdi>'
    """
    return Markup(f"<bdi>{safe(shortened(content, most))}</bdi>")


def block(content: str, *, most: int = 4 * LONGEST) -> Markup:
    """Text with its line breaks, as it was written; a region that can be scrolled."""
    # A line break at the start of <pre> is dropped by parsers, so one is put there.
    return Markup(f'<pre dir="auto" tabindex="0">\n{escape(plain(shortened(content, most), lines=True))}</pre>')


def join(parts: Iterable[Markup], between: str = "\n") -> Markup:
    """One after the other."""
    return Markup(between.join(parts))


def paragraph(content: str) -> Markup:
    """A paragraph of our own words."""
    return Markup(f"<p>{safe(content)}</p>")


def section(name: str, heading: str, parts: Sequence[Markup]) -> Markup:
    """A section with its heading; `name` is the place that links lead to."""
    return Markup(f'<section id="{safe(name)}">\n<h2>{safe(heading)}</h2>\n{join(parts)}\n</section>')


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[Markup]], *, stacked: bool = False) -> Markup:
    """A table whose first column names the row.

    Args:
        rows: as many cells each as `head`.
        stacked: on a narrow screen each row becomes a card; else the table is scrolled sideways. The roles are
            written out, because a browser forgets them when the layout of a table is changed.
    """
    heads = "".join(f'<th scope="col" role="columnheader">{safe(name)}</th>' for name in head)
    body = "\n".join(_row(head, row) for row in rows)
    inner = (
        f'<table role="table"{" class=stacked" if stacked else ""}><caption>{safe(caption)}</caption>\n'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>\n<tbody role="rowgroup">\n{body}\n</tbody></table>'
    )
    if stacked:
        return Markup(inner)
    return Markup(f'<div class="wide" role="region" aria-label="{safe(caption)}" tabindex="0">{inner}</div>')


def details(summary: str, content: Markup) -> Markup:
    """What is folded away until it is asked for; printed unfolded."""
    return Markup(f"<details><summary>{safe(summary)}</summary>\n{content}\n</details>")


def figure(caption: str, picture: str) -> Markup:
    """A picture that is markup already."""
    return Markup(f"<figure><figcaption>{safe(caption)}</figcaption>\n{picture}</figure>")


def listed(items: Iterable[Markup]) -> Markup:
    """A list with bullets."""
    return Markup("<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>")


def described(pairs: Iterable[tuple[Markup, Markup]]) -> Markup:
    """Names with what they are."""
    return Markup("<dl>" + "".join(f"<div><dt>{name}</dt><dd>{what}</dd></div>" for name, what in pairs) + "</dl>")


def _row(head: Sequence[str], row: Sequence[Markup]) -> str:
    cells = [f'<th scope="row" role="rowheader">{row[0]}</th>']
    for name, cell in zip(head[1:], row[1:], strict=True):
        cells.append(f'<td role="cell" data-label="{safe(name)}">{cell}</td>')
    return f'<tr role="row">{"".join(cells)}</tr>'
