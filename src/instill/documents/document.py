"""What a source becomes: a `Document` of canonical text, and the `Passage`s cut from it.

Everything that points into a document does so by character offsets `[start, end)` of `Document.text`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Scalar = str | int | float | bool
"""A metadata value. Dates are ISO 8601 strings, so that they sort and compare as text."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading that starts at character `start` of the text; `level` is 1 for the outermost."""

    level: int
    title: str
    start: int


@dataclass(frozen=True, slots=True)
class Page:
    """Page `number` (from 1) covers `[start, end)` of the text."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """A table or a code block, `[start, end)`, that is kept in one passage where it fits.

    `[head_start, head_end)` are the rows that name a table's columns, inside the block or, where a table goes on after
    a page break, before it; empty for a table without names and for code.
    """

    kind: Literal["table", "code"]
    start: int
    end: int
    head_start: int = 0
    head_end: int = 0


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a reader makes of one source's bytes.

    Args:
        text: the canonical text; line ends are "\\n"; never empty.
        title: the title that the content itself gives, or "" when it gives none.
        headings, pages, blocks: structure, sorted by `start`, offsets into `text`.
        metadata: scalars found in the file (author, date, year, front matter, ...); keys match `[a-z][a-z0-9_]*`.
        notices: things that a person should know ("3 of 9 pages were read by OCR").
    """

    text: str
    title: str = ""
    headings: Sequence[Heading] = ()
    pages: Sequence[Page] = ()
    blocks: Sequence[Block] = ()
    metadata: Mapping[str, Scalar] = field(default_factory=dict)
    notices: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One source as canonical text with its identity.

    Args:
        doc_id: stable across edits and moves; 16 lower-case hexadecimal digits.
        source: where it came from: an absolute path with "/" separators, an http(s) address, an object's place
            in a bucket, or "stdin:NAME".
        kind: format family, e.g. "pdf", "markdown", "code".
        title: `Parsed.title`, or the file's name without its ending.
        content_hash: sha256 of the source's bytes, hexadecimal.
        size: bytes of the source.
        modified: time of last change, ISO 8601 UTC to the second, or "" when unknown.
        labels: access labels, sorted; empty means that only an unrestricted caller sees it.
    """

    doc_id: str
    source: str
    kind: str
    title: str
    content_hash: str
    size: int
    modified: str
    parsed: Parsed
    labels: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return self.parsed.text


@dataclass(frozen=True, slots=True)
class Passage:
    """A contiguous span of a document's canonical text: `document.text[start:end] == text`, always.

    Args:
        ordinal: position in the document, from 0, without gaps.
        headings: the path of headings that the passage stands under, joined by " > "; "" when there is none.
        page, last_page: first and last page it touches, from 1; None for sources without pages.
        table_head: the rows that name the columns of the passage's first table where they stand before the passage,
            `document.text[table_head_start : table_head_start + len(table_head)]`; "" where there are none.
    """

    ordinal: int
    start: int
    end: int
    text: str
    headings: str = ""
    page: int | None = None
    last_page: int | None = None
    table_head: str = ""
    table_head_start: int = 0
