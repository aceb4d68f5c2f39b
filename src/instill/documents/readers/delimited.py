"""CSV and TSV: each row is a line that can be understood without the header; see `row_lines`."""

from __future__ import annotations

import csv
import io
import re
from typing import Literal

from instill.documents.document import Block, Parsed
from instill.documents.readers.job import Job
from instill.documents.readers.row_lines import row_lines
from instill.errors import DocumentError

_SEPARATOR_TOLD = re.compile(r"[\"']?sep=([^\w\s\"]|\t)[\"']?;*\n", re.IGNORECASE)


def read_csv(job: Job) -> Parsed:
    """Separator by ending or content (comma, semicolon, tab, bar); quotes as usual. Where one is never closed, all are
    letters, with a notice: otherwise one cell would hold the rest of the file.

    Raises:
        DocumentError: a row that no dialect explains.
    """
    text = job.text()
    told = _SEPARATOR_TOLD.match(text)  # for Excel, which does not show the line
    text = text[told.end() :] if told else text
    separator = told[1] if told else "\t" if job.name.lower().endswith((".tsv", ".tab")) else _separator(text)
    csv.field_size_limit(16 * 1024**2)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL
    notices: list[str] = []
    if _left_open(text, separator):
        quoting = csv.QUOTE_NONE
        notices = ["A quotation mark is not closed. Quotation marks are read as letters, and each line as a row."]
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=separator, quoting=quoting, strict=False))
    except csv.Error as error:
        raise DocumentError(f"The table cannot be parsed: {error}.", remedy="Save it as CSV again.") from error
    content = "\n".join(row_lines(rows, job))
    return Parsed(text=content, blocks=(Block("table", 0, len(content)),) if content else (), notices=notices)


def _left_open(text: str, separator: str) -> bool:
    """Does the file end inside of quotes?"""
    try:
        for _ in csv.reader(io.StringIO(text), delimiter=separator, strict=True):
            pass
    except csv.Error as error:
        return "end of data" in str(error)
    return False


def _separator(text: str) -> str:
    """The separator that gives the same number of columns, above one, in the most of the first rows."""
    sample = text[:20_000].split("\n")[:50]
    best, score = ",", 0.0
    for separator in (",", ";", "\t", "|"):
        widths = [len(row) for row in csv.reader(sample, delimiter=separator) if row]
        if not widths:
            continue
        common = max(set(widths), key=widths.count)
        agreement = widths.count(common) / len(widths) * min(common, 4)
        if common > 1 and agreement > score:
            best, score = separator, agreement
    return best
