"""Where in a file a citation stands, as people write it; said the same in a terminal, on pages and to assistants."""

from __future__ import annotations

import re

_SAY_LITTLE = {"index", "_index", "readme", "main", "default", "overview", "home", "content", "page"}
"""Names, without their endings, that a folder tree has many of."""


def in_file(page: int | None, line: int | None = None) -> str:
    """Behind a file's name: its page, where it has pages, else its line, else nothing.

    Example:
        >>> in_file(3), in_file(None, 12), in_file(3, 12), in_file(None)
        (', p. 3', ', line 12', ', p. 3', '')
    """
    if page is not None:
        return f", p. {page}"
    return f", line {line}" if line is not None else ""


def short_name(source: str) -> str:
    """How a document is called where there is little room: its file's name, with its folder where that says more.

    Example:
        >>> short_name("/home/ann/tea.md"), short_name("/home/ann/tea/index.md"), short_name("stdin:tea.md")
        ('tea.md', 'tea/index.md', 'tea.md')
        >>> short_name("https://example.org/guide/index.html"), short_name("https://example.org/")
        ('guide/index.html', 'example.org')
    """
    parts = source.removeprefix("stdin:").rstrip("/").split("/")
    name = parts[-1]
    if name.partition(".")[0].lower() in _SAY_LITTLE and len(parts) > 1 and parts[-2]:
        return f"{parts[-2]}/{name}"
    return name


def headings_below(title: str, headings: str, most: int = 60) -> str:
    """The path of headings as it is told behind a document's title: without the title at its beginning, and where it is
    long without headings from its beginning. The last heading stays.

    Args:
        most: characters; the last heading alone may have more.

    Example:
        >>> headings_below("Leave", "Leave > Parental leave > If you fall ill")
        'Parental leave > If you fall ill'
        >>> headings_below("Leave", "Parental leave > If you fall ill", 20), headings_below("Leave", "Leave")
        ('… > If you fall ill', '')
        >>> headings_below("Rules", "Rules > 2. Phones > Phones")
        '2. Phones'
    """
    parts: list[str] = []
    for part in headings.split(" > "):
        if part.strip() and not (parts and _said(part) == _said(parts[-1])):
            parts.append(part)
    while parts and parts[0].strip().casefold() == title.strip().casefold():
        parts.pop(0)
    if len(" > ".join(parts)) <= most:
        return " > ".join(parts)
    kept = parts[1:] or parts
    while len(kept) > 1 and len(" > ".join(["…", *kept])) > most:
        kept = kept[1:]
    return " > ".join(kept if kept == parts else ["…", *kept])


def _said(heading: str) -> str:
    """A heading without its number."""
    return re.sub(r"^[\d.)\s]+", "", heading.strip()).casefold()
