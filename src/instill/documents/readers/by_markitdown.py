"""Files as Markdown by the converters of markitdown, and the fields that some of them write at the top."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from instill.documents.document import Parsed
from instill.documents.readers.html import decode_html, html_to_markdown, tidy
from instill.documents.readers.job import Job
from instill.documents.readers.markdown import scalars, structured

_FIELD = re.compile(r"\*\*([A-Z][A-Za-z ]{1,20}):\*\* *(.*)")


def as_markdown(converter: str, job: Job, data: bytes, *, table: Callable[..., str] | None = None) -> str:
    """A file as Markdown by a converter of markitdown, named by its class; `table` writes a slide's tables."""
    import markitdown.converters
    from markitdown import StreamInfo

    convert: Any = getattr(markitdown.converters, converter)()
    if hasattr(convert, "_html_converter"):
        convert._html_converter = _writer()
    if table is not None:
        convert._convert_table_to_markdown = table
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


def with_fields(markdown: str, *, keep: bool) -> Parsed:
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
