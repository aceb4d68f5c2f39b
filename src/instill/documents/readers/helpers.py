"""For readers of plug-ins: what is HTML or Markdown already becomes `Parsed`, with headings, tables and code."""

from __future__ import annotations

from collections.abc import Mapping

from instill.documents.document import Parsed, Scalar
from instill.documents.text_decoding import normalise


def parsed_from_html(html: str, *, title: str = "", metadata: Mapping[str, Scalar] | None = None) -> Parsed:
    """The text of HTML as Markdown, with its structure. Merged cells of tables are filled.

    Args:
        html: a page or a part of one; scripts, styles and forms are left out.
        title: of the document; "": the first heading of level 1.
        metadata: fields of the document.

    Example:
        >>> parsed = parsed_from_html("<h1>Tea</h1><p>Brew it at 80 degrees.</p>", metadata={"year": 2024})
        >>> parsed.title, parsed.text, parsed.headings[0].level
        ('Tea', '# Tea\\n\\nBrew it at 80 degrees.', 1)
    """
    from instill.documents.readers.html import html_to_markdown

    return parsed_from_markdown(html_to_markdown(html), title=title, metadata=metadata)


def parsed_from_markdown(text: str, *, title: str = "", metadata: Mapping[str, Scalar] | None = None) -> Parsed:
    """Markdown with its structure: headings, tables and code.

    Args:
        text: line ends of any kind; null characters and halves of characters are taken out.
        title: of the document; "": the first heading of level 1.
        metadata: fields of the document.

    Example:
        >>> parsed_from_markdown("# Tea\\n\\nBrew it at 80 degrees.\\n").headings[0].title
        'Tea'
    """
    from instill.documents.readers.markdown import structured

    return structured(normalise(text), title=title, metadata=metadata)
