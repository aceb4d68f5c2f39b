"""Word, PowerPoint, EPUB and Outlook files as Markdown, through markitdown; RTF through striprtf."""

from __future__ import annotations

import html
import io
import re
import zipfile
from typing import Any

from instill.documents.document import Page, Parsed, Scalar
from instill.documents.readers.html import decode_html, html_to_markdown, tidy
from instill.documents.readers.job import Job
from instill.documents.readers.markdown import scalars, structured
from instill.documents.readers.sturdy import sturdily
from instill.documents.readers.text import read_text

_SLIDE = re.compile(r"<!-- Slide number: (\d+) -->")
_FIELD = re.compile(r"\*\*([A-Z][A-Za-z ]{1,20}):\*\* *(.*)")


def read_docx(job: Job) -> Parsed:
    """Headings by style, tables, lists; title, author and date from the file's properties."""
    metadata = properties(job.data)
    title = str(metadata.pop("title", ""))
    return sturdily(job, lambda data: structured(_markdown("DocxConverter", job, data), title=title, metadata=metadata))


def read_pptx(job: Job) -> Parsed:
    """One `Page` a slide; a slide's title is a heading, its notes a section of it."""
    return sturdily(job, lambda data: _slides(job, data))


def _slides(job: Job, data: bytes) -> Parsed:
    metadata = properties(job.data)
    title = str(metadata.pop("title", ""))
    parts = _SLIDE.split(_markdown("PptxConverter", job, data))
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


def read_epub(job: Job) -> Parsed:
    """All chapters in reading order; the fields at the top (title, authors, ...) become metadata."""
    return _with_fields(_markdown("EpubConverter", job, job.data), keep=False)


def read_msg(job: Job) -> Parsed:
    """An Outlook message; sender, recipient and subject stay in the text and are metadata too."""
    parsed = _with_fields(_markdown("OutlookMsgConverter", job, job.data), keep=True)
    metadata = dict(parsed.metadata)
    title = str(metadata.get("subject", "")) or parsed.title
    return Parsed(parsed.text, title, (), (), parsed.blocks, metadata)


def read_rtf(job: Job) -> Parsed:
    """Plain text of a Rich Text file."""
    from striprtf.striprtf import rtf_to_text

    convert: Any = rtf_to_text  # it has no annotations
    text: str = convert(job.data.decode("latin-1"), errors="ignore")
    return read_text(tidy(text))


def properties(data: bytes) -> dict[str, Scalar]:
    """Title, author, subject, keywords and dates of an Office Open XML file; empty where there are none."""
    from defusedxml import ElementTree
    from defusedxml.common import DefusedXmlException

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            root = ElementTree.fromstring(archive.read("docProps/core.xml"))
    except (KeyError, zipfile.BadZipFile, ElementTree.ParseError, DefusedXmlException, OSError):
        return {}
    names = {"title": "title", "creator": "author", "subject": "subject", "keywords": "keywords", "modified": "date"}
    found: dict[object, object] = {}
    for element in root.iter():
        name = names.get(str(element.tag).rpartition("}")[2])
        if name and element.text and element.text.strip():
            found[name] = element.text.strip()
    return scalars(found)


def _markdown(converter: str, job: Job, data: bytes) -> str:
    import markitdown.converters
    from markitdown import StreamInfo

    convert: Any = getattr(markitdown.converters, converter)()
    if hasattr(convert, "_html_converter"):
        convert._html_converter = _writer()
    if converter == "PptxConverter":
        convert._convert_table_to_markdown = _slide_table
    result = convert.convert(io.BytesIO(data), StreamInfo(extension=f".{job.kind}", filename=job.name))
    return tidy(str(result.markdown))


def _writer() -> Any:
    """Stands where markitdown turns HTML into Markdown: the same writer for a page and for a Word file's tables."""
    from markitdown import DocumentConverterResult
    from markitdown.converters import HtmlConverter

    class Writer(HtmlConverter):
        def convert(self, file_stream: Any, *_: Any, **__: Any) -> DocumentConverterResult:
            return self.convert_string(decode_html(file_stream.read()).text)

        def convert_string(self, html_content: str, **_: Any) -> DocumentConverterResult:
            return DocumentConverterResult(markdown=html_to_markdown(html_content))

    return Writer()


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


def _with_fields(markdown: str, *, keep: bool) -> Parsed:
    """`**Name:** value` lines at the top as metadata."""
    fields: dict[object, object] = {}
    position = 0
    for line in markdown.splitlines(keepends=True):
        match = _FIELD.match(line)
        if match:
            fields[{"Authors": "author"}.get(match[1], match[1])] = match[2].strip()
        elif line.strip() and not line.startswith("# Email"):
            break
        position += len(line)
    metadata = scalars(fields)
    title = str(metadata.pop("title", ""))
    body = markdown if keep or not markdown[position:].strip() else markdown[position:].strip()
    return structured(body, title=title, metadata=metadata)
