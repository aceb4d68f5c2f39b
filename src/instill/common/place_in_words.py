"""Where in a file a citation stands, as people write it; said the same in a terminal, on pages and to assistants."""

from __future__ import annotations

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
