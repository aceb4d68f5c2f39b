"""Outlook messages (.msg) as Markdown, through markitdown; mail files (.eml) are read in `mail`."""

from __future__ import annotations

from instill.documents.document import Parsed
from instill.documents.readers.by_markitdown import as_markdown, with_fields
from instill.documents.readers.job import Job


def read_msg(job: Job) -> Parsed:
    """An Outlook message; sender, recipient and subject stay in the text and are metadata too."""
    parsed = with_fields(as_markdown("OutlookMsgConverter", job, job.data), keep=True)
    metadata = dict(parsed.metadata)
    title = str(metadata.get("subject", "")) or parsed.title
    return Parsed(parsed.text, title, (), (), parsed.blocks, metadata)
