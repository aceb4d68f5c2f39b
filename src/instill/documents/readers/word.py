"""Word as Markdown, through markitdown."""

from __future__ import annotations

from instill.documents.document import Parsed
from instill.documents.readers.by_markitdown import as_markdown
from instill.documents.readers.job import Job
from instill.documents.readers.markdown import structured
from instill.documents.readers.office_properties import properties
from instill.documents.readers.office_repair import sturdily


def read_docx(job: Job) -> Parsed:
    """Headings by style, tables, lists; title, author and date from the file's properties."""
    metadata = properties(job.data)
    title = str(metadata.pop("title", ""))
    return sturdily(
        job, lambda data: structured(as_markdown("DocxConverter", job, data), title=title, metadata=metadata)
    )
