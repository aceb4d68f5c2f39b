"""Pages of PDFs as pictures, with the cited words marked; drawn in a process of their own, for a PDF is hostile."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from instill.documents.document import Page
from instill.errors import DocumentError
from instill.index.lookup import StoredDocument
from instill.index.types import DocumentRecord
from instill.server.errors import unknown
from instill.settings import DocumentSettings

_AT_ONCE = 2
_SECONDS = 20.0
_KEPT = 24


def has_pictures(record: DocumentRecord, settings: DocumentSettings) -> bool:
    """Whether the document is a PDF whose file is still there, and as large as it was."""
    if record.kind != "pdf" or not record.source.startswith("/"):
        return False
    try:
        found = Path(record.source).stat()
    except (OSError, ValueError):
        return False
    return found.st_size == record.size and found.st_size <= settings.max_file_mb * 1024**2


def pages_of(stored: StoredDocument, start: int = 0, end: int = 0) -> Sequence[int]:
    """The numbers of the pages that a span touches; of no span, of all pages."""
    if end <= start:
        return [page.number for page in stored.pages]
    return [page.number for page in stored.pages if page.start < end and start < page.end]


class Pictures:
    """Draws pages, two at a time, and keeps the last few."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int, str], bytes] = OrderedDict()

    def of(self, stored: StoredDocument, page: Page, start: int, end: int, settings: DocumentSettings) -> bytes:
        """The page as PNG.

        Args:
            start, end: of the document's text; what of it stands on the page is marked.

        Raises:
            Refused: there is no file of it, or another than was added.
            DocumentError: it cannot be drawn.
        """
        words = stored.text[max(start, page.start) : min(end, page.end)]
        before = stored.text[page.start : max(start, page.start)]
        key = (stored.record.content_hash, page.number, hashlib.sha256(f"{start}-{end}".encode()).hexdigest()[:16])
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        data = _file(stored.record, settings)
        with self._free:
            png = _drawn(data, page.number, words, before, settings)
        with self._lock:
            self._kept[key] = png
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return png


def _file(record: DocumentRecord, settings: DocumentSettings) -> bytes:
    if has_pictures(record, settings):
        try:
            data = Path(record.source).read_bytes()
        except OSError:
            data = b""
        if hashlib.sha256(data).hexdigest() == record.content_hash:
            return data
    raise unknown("There is no picture of this document.", record.doc_id, "Its text is shown instead.")


def _drawn(data: bytes, number: int, words: str, before: str, settings: DocumentSettings) -> bytes:
    head = {"number": number, "words": words, "before": before, "memory_mb": settings.max_memory_mb, "size": len(data)}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "instill.documents.pdf_page_picture"],
            input=json.dumps(head).encode() + b"\n" + data,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        done = None
    if done is None or done.returncode or not done.stdout.startswith(b"\x89PNG"):
        raise DocumentError("The page cannot be drawn.", where=f"page {number}", remedy="Its text is shown instead.")
    return done.stdout
