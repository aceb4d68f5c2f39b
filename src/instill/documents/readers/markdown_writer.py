"""HTML elements as Markdown, by markdownify.

markitdown writes the same with a class of its own, and loads every office library for it, a second for the first page.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlsplit

import markdownify

from instill.documents.readers.html_tables import HEAD


class MarkdownWriter(markdownify.MarkdownConverter):
    """`convert_soup(soup)` gives Markdown: `#` headings, links to the web only, underlining as HTML.

    Example:
        >>> from bs4 import BeautifulSoup
        >>> MarkdownWriter().convert_soup(BeautifulSoup("<h2>At <u>sea</u></h2>", "html.parser")).strip()
        '## At <u>sea</u>'
    """

    def __init__(self) -> None:
        super().__init__(heading_style=markdownify.ATX)

    def convert_a(self, el: Any, text: str, parent_tags: set[str]) -> str:
        """A link, also within code; its text alone for other schemes than the web's, and in preformatted text."""
        if not text.strip():
            return ""
        try:
            target = urlsplit(el.get("href") or "")
        except ValueError:
            return text
        if "pre" in parent_tags or target.scheme.lower() not in ("", "http", "https", "file"):
            return text
        path = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", quote(target.path, safe="/%"))
        if el.get("href"):
            el["href"] = target._replace(path=path).geturl()
        return str(super().convert_a(el, text, parent_tags - {"_noformat"}))

    def convert_tr(self, el: Any, text: str, **_: Any) -> str:
        """A row; a line of dashes only below names, so that a table without names shows none."""
        if HEAD not in el.attrs:
            return f"|{text}\n"
        return f"|{text}\n| {' | '.join(['---'] * len(el.find_all(['td', 'th'])))} |\n"

    def convert_img(self, el: Any, text: str, parent_tags: set[str]) -> str:
        """A picture is one in headings and tables as well."""
        return str(super().convert_img(el, text, parent_tags - {"_inline"}))

    def convert_input(self, el: Any, _text: str, **_: Any) -> str:
        """A box that can be ticked."""
        if el.get("type") != "checkbox":
            return ""
        return "[x] " if el.has_attr("checked") else "[ ] "

    def convert_u(self, _el: Any, text: str, **_: Any) -> str:
        """Markdown has no underlining."""
        words = text.strip()
        return text.replace(words, f"<u>{words}</u>", 1) if words else text

    def convert_strike(self, el: Any, text: str, parent_tags: set[str]) -> str:
        """As `<s>`."""
        return str(self.convert_s(el, text, parent_tags))
