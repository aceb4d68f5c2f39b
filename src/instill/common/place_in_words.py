"""Where in a file a citation stands, as people write it; said the same in a terminal, on pages and to assistants."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

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


def names_apart(sources: Sequence[str]) -> list[str]:
    """`short_name` of each, with as many folders as tell those apart that have the same name.

    Example:
        >>> names_apart(["/kb/a/tea.md", "/kb/b/tea.md", "/kb/rice.md", "/kb/b/tea.md"])
        ['a/tea.md', 'b/tea.md', 'rice.md', 'b/tea.md']
        >>> names_apart(["/kb/a/docs/README.md", "/kb/b/docs/README.md"])
        ['a/docs/README.md', 'b/docs/README.md']
    """
    names = {source: short_name(source) for source in sources}
    while True:
        alike = Counter(names.values())
        longer = {source: _with_folder(name, source) for source, name in names.items() if alike[name] > 1}
        if all(names[source] == name for source, name in longer.items()):
            return [names[source] for source in sources]
        names.update(longer)


def _with_folder(name: str, source: str) -> str:
    """The name with one folder more, where there is one."""
    before = source.removesuffix(name).rstrip("/") if source.endswith(f"/{name}") else ""
    folder = before.rpartition("/")[2]
    return f"{folder}/{name}" if folder else name


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
