"""Citations: made from a span of a passage, and checked character by character against the document.

A passage is what the index returned; the document's canonical text is the truth. A span is cited only when both
hold the same characters at the same place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from instill.answer.types import Candidate, Citation
from instill.documents.document import Page
from instill.documents.formats import BUILT_IN
from instill.index.types import Hit

DocumentText = Callable[[str], str | None]
"""doc_id -> canonical text, or None when the index no longer holds the document."""

DocumentPages = Callable[[str], Sequence[Page]]
"""doc_id -> its pages, sorted; empty for documents without pages."""

_OWN_LINES = frozenset(each.name for each in BUILT_IN.values() if each.own_lines)
"""Kinds whose text is the file's, line by line. A row of JSON or a paragraph of HTML stands elsewhere in its file."""


class Citer:
    """Makes citations for one answer and remembers what it has read; counts the spans that failed the check.

    Args:
        document_text: looked up once a document.
        document_pages: for the page of the very span; without it a span has the first page of its passage.

    Example:
        >>> text = "Mars has two moons. They are small."
        >>> hit = Hit("d1", 0, 0, 19, text[:19], "", None, None, "mars.txt", "text", "Mars", (), {}, 1.0, 1.0, 1.0)
        >>> citer = Citer(lambda doc_id: text)
        >>> citer.cite(hit, 0, 19).text
        'Mars has two moons.'
        >>> citer.cite(hit, 0, 25) is None, citer.failed  # beyond the passage
        (True, 1)
    """

    def __init__(self, document_text: DocumentText, document_pages: DocumentPages | None = None) -> None:
        self._text_of = document_text
        self._pages_of = document_pages
        self._texts: dict[str, str | None] = {}
        self._pages: dict[str, Sequence[Page]] = {}
        self.failed = 0

    def text(self, doc_id: str) -> str | None:
        if doc_id not in self._texts:
            self._texts[doc_id] = self._text_of(doc_id)
        return self._texts[doc_id]

    def cite(self, hit: Hit, start: int, end: int) -> Citation | None:
        """The citation of `[start, end)` (offsets into the document), or None when the check fails.

        The span lies in the passage or in the head of its table.
        """
        text = self.text(hit.doc_id)
        quoted = hit.text[start - hit.start : end - hit.start] if hit.start <= start < end <= hit.end else ""
        if not quoted and hit.table_head_start <= start < end <= hit.table_head_start + len(hit.table_head):
            quoted = hit.table_head[start - hit.table_head_start : end - hit.table_head_start]
        if not quoted.strip() or text is None or text[start:end] != quoted:
            self.failed += 1
            return None
        page = self._page(hit, start)
        has_lines = page is None and hit.kind in _OWN_LINES
        line = text.count("\n", 0, start) + 1 if has_lines else None
        return Citation(hit.doc_id, hit.source, hit.title, start, end, quoted, hit.headings, page, line)

    def _page(self, hit: Hit, start: int) -> int | None:
        if hit.page is None or hit.page == hit.last_page or self._pages_of is None:
            return hit.page
        if hit.doc_id not in self._pages:
            self._pages[hit.doc_id] = self._pages_of(hit.doc_id)
        numbers = [page.number for page in self._pages[hit.doc_id] if page.start <= start < page.end]
        return numbers[0] if numbers else hit.page


def holds(citation: Citation, text: str | None) -> bool:
    """Is the citation verbatim in `text`, the document's canonical text?"""
    return text is not None and bool(citation.text) and text[citation.start : citation.end] == citation.text


def candidate(hit: Hit) -> Candidate:
    """The hit as the trace shows it."""
    return Candidate(
        hit.doc_id, hit.source, hit.title, hit.ordinal, hit.start, hit.end, hit.text, hit.headings, hit.page,
        hit.score, hit.keyword_score, hit.vector_score,
    )  # fmt: skip
