"""EPUB as Markdown, through markitdown."""

from __future__ import annotations

from instill.documents.document import Parsed
from instill.documents.readers.by_markitdown import as_markdown, with_fields
from instill.documents.readers.job import Job


def read_epub(job: Job) -> Parsed:
    """All chapters in reading order; the fields at the top (title, authors, ...) become metadata."""
    return with_fields(as_markdown("EpubConverter", job, job.data), keep=False)
