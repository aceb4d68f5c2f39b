"""PowerPoint as Markdown, through markitdown: a page a slide."""

from __future__ import annotations

import html
import re
from typing import Any

from instill.documents.document import Page, Parsed
from instill.documents.readers.by_markitdown import as_markdown
from instill.documents.readers.html import html_to_markdown
from instill.documents.readers.job import Job
from instill.documents.readers.markdown import structured
from instill.documents.readers.office_properties import properties
from instill.documents.readers.office_repair import sturdily

_SLIDE = re.compile(r"<!-- Slide number: (\d+) -->")


def read_pptx(job: Job) -> Parsed:
    """One `Page` a slide; a slide's title is a heading, its notes a section of it."""
    return sturdily(job, lambda data: _slides(job, data))


def _slides(job: Job, data: bytes) -> Parsed:
    metadata = properties(job.data)
    title = str(metadata.pop("title", ""))
    parts = _SLIDE.split(as_markdown("PptxConverter", job, data, table=_slide_table))
    pages: list[Page] = []
    texts: list[str] = []
    length = 0
    for number, content in zip(parts[1::2], parts[2::2], strict=True):
        text = content.strip()
        if texts and text:
            length += 2
        pages.append(Page(int(number), length, length + len(text)))
        if text:
            texts.append(text)
            length += len(text)
    parsed = structured("\n\n".join(texts), metadata=metadata)
    if title.lower() in ("", "powerpoint presentation"):
        title = parsed.title
    return Parsed(parsed.text, title, parsed.headings, pages, parsed.blocks, parsed.metadata)


def _slide_table(table: Any, **_: Any) -> str:
    """A slide's table, merged cells as such; its first row names the columns where the file says so."""
    rows = []
    for number, row in enumerate(table.rows):
        name = "th" if number == 0 and table.first_row else "td"
        cells = [
            f'<{name} colspan="{cell.span_width}" rowspan="{cell.span_height}">{html.escape(cell.text)}</{name}>'
            for cell in row.cells
            if not cell.is_spanned
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return html_to_markdown(f"<table>{''.join(rows)}</table>", laid_out=False) + "\n"
