"""Rich Text (RTF) as plain text, through striprtf."""

from __future__ import annotations

from typing import Any

from instill.documents.document import Parsed
from instill.documents.readers.html import tidy
from instill.documents.readers.job import Job
from instill.documents.readers.text import read_text


def read_rtf(job: Job) -> Parsed:
    """Plain text of a Rich Text file."""
    from striprtf.striprtf import rtf_to_text

    convert: Any = rtf_to_text  # it has no annotations
    text: str = convert(job.data.decode("latin-1"), errors="ignore")
    return read_text(tidy(text))
