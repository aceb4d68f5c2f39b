"""Plain text, and the checks that every canonical text must pass."""

from __future__ import annotations

import re

from instill.documents.document import Parsed
from instill.documents.readers.job import Job

_TITLE_LENGTH = 120


def read_plain(job: Job) -> Parsed:
    """A text file."""
    return read_text(job.text())


def read_text(text: str) -> Parsed:
    """Plain text as it is. The first line is the title when it stands alone and is short."""
    first, _, rest = text.strip().partition("\n")
    alone = not rest or rest.startswith("\n") or re.match(r"[=\-*#~]{3,}\s*\n", rest) is not None
    sentence = first.rstrip().endswith((".", ",", ";", ":"))
    title = first.strip() if alone and not sentence and len(first) <= _TITLE_LENGTH and rest else ""
    return Parsed(text=text, title=title)
