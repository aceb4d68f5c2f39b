"""CSV, TSV and spreadsheets: each row is a line that can be understood without the header.

    Country: France; Capital: Paris; Inhabitants: 68 000 000

Where a sheet has no header row, its cells are joined by " | ".
"""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from instill.documents.document import Block, Heading, Parsed
from instill.documents.readers.job import Job
from instill.errors import DocumentError

_NUMBER = re.compile(r"[-+(]?[$€£]?\s*\d[\d\s.,]*%?\)?")
_MAX_COLUMNS = 2000
_MAX_CELLS = 10_000_000


def read_csv(job: Job) -> Parsed:
    """Separator by ending or content (comma, semicolon, tab, bar); quotes as usual.

    Raises:
        DocumentError: a row that no dialect explains.
    """
    text = job.text()
    separator = "\t" if job.name.lower().endswith((".tsv", ".tab")) else _separator(text)
    csv.field_size_limit(16 * 1024**2)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=separator, strict=False))
    except csv.Error as error:
        raise DocumentError(f"The table cannot be taken apart: {error}.", remedy="Save it as CSV again.") from error
    content = "\n".join(_lines(rows, job))
    return Parsed(text=content, blocks=(Block("table", 0, len(content)),) if content else ())


def read_xlsx(job: Job) -> Parsed:
    """A heading a sheet; values as last calculated. Hidden sheets are left out, with a notice."""
    import openpyxl

    from instill.documents.readers.office import properties

    book = openpyxl.load_workbook(io.BytesIO(job.data), read_only=True, data_only=True)
    try:
        sheets: list[tuple[str, Iterable[Sequence[object]]]] = []
        hidden: list[str] = []
        for sheet in book.worksheets:
            if sheet.sheet_state != "visible":
                hidden.append(str(sheet.title))
                continue
            sheet.reset_dimensions()
            sheets.append((str(sheet.title), sheet.iter_rows(values_only=True, max_col=_MAX_COLUMNS)))
        parsed = _sheets(sheets, job)
    finally:
        book.close()
    metadata = properties(job.data)
    title = str(metadata.pop("title", ""))
    notices = [f"Hidden sheets were left out: {', '.join(hidden)}."] if hidden else []
    return Parsed(parsed.text, title, parsed.headings, (), parsed.blocks, metadata, notices)


def read_xls(job: Job) -> Parsed:
    """As `read_xlsx`, for the format before 2007."""
    import xlrd

    try:
        book = xlrd.open_workbook(file_contents=job.data, logfile=io.StringIO())
    except xlrd.XLRDError as error:
        if "encrypt" in str(error).lower() or "password" in str(error).lower():
            raise DocumentError("The file is encrypted.", remedy="Save it without a password and add that.") from error
        raise
    sheets = [(sheet.name, _xls_rows(book, sheet)) for sheet in book.sheets() if sheet.visibility == 0]
    return _sheets(sheets, job)


def _xls_rows(book: object, sheet: object) -> Iterator[list[object]]:
    import xlrd

    for number in range(sheet.nrows):  # type: ignore[attr-defined]
        row: list[object] = []
        for cell in sheet.row(number)[:_MAX_COLUMNS]:  # type: ignore[attr-defined]
            if cell.ctype == xlrd.XL_CELL_DATE:
                row.append(xlrd.xldate_as_datetime(cell.value, book.datemode))  # type: ignore[attr-defined]
            elif cell.ctype == xlrd.XL_CELL_BOOLEAN:
                row.append(bool(cell.value))
            elif cell.ctype in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK, xlrd.XL_CELL_ERROR):
                row.append(None)
            else:
                row.append(cell.value)
        yield row


def _sheets(sheets: Iterable[tuple[str, Iterable[Sequence[object]]]], job: Job) -> Parsed:
    parts: list[str] = []
    headings: list[Heading] = []
    blocks: list[Block] = []
    length = 0
    for name, rows in sheets:
        content = "\n".join(_lines(rows, job))
        if not content:
            continue
        heading = f"## {name}\n\n"
        headings.append(Heading(2, name, length))
        blocks.append(Block("table", length + len(heading), length + len(heading) + len(content)))
        parts.append(heading + content)
        length += len(heading) + len(content) + 2
    return Parsed(text="\n\n".join(parts), headings=headings, blocks=blocks)


def _lines(rows: Iterable[Sequence[object]], job: Job) -> Iterator[str]:
    """Rows as lines; the first row with more than one cell is the header if it looks like one."""
    header: list[str] | None = None
    looked = False
    waiting: list[str] | None = None  # the possible header, until the next row confirms it
    cells = 0
    for number, row in enumerate(rows):
        shown = [_shown(cell) for cell in row]
        cells += sum(map(bool, shown))
        if cells > _MAX_CELLS:
            raise DocumentError(f"The table has more than {_MAX_CELLS:,} filled cells.", remedy="Split it.")
        if number % 5000 == 4999:
            job.alive()
        if not any(shown):
            continue
        if waiting is not None:
            header = waiting if _is_header(waiting, shown) else None
            if header is None:
                yield " | ".join(filter(None, waiting))
            waiting, looked = None, True
        elif not looked:
            if sum(map(bool, shown)) > 1:
                waiting = shown
            else:
                yield next(filter(None, shown))
            continue
        yield _line(shown, header)
    if waiting is not None:
        yield " | ".join(filter(None, waiting))


def _is_header(first: Sequence[str], second: Sequence[str]) -> bool:
    """Names over columns: filled, no numbers, no repeats, short."""
    names = [name for name in first if name]
    filled = sum(map(bool, second))
    return (
        len(names) >= 2
        and len(names) >= 0.6 * filled
        and not any(_NUMBER.fullmatch(name) for name in names if not re.fullmatch(r"(?:19|20)\d\d", name))
        and len(set(names)) >= 0.8 * len(names)
        and all(len(name) <= 80 for name in names)
    )


def _line(row: Sequence[str], header: Sequence[str] | None) -> str:
    if header is None:
        return " | ".join(filter(None, row))
    named = [(header[column] if column < len(header) else "", value) for column, value in enumerate(row) if value]
    return "; ".join(f"{name}: {value}" if name else value for name, value in named)


def _shown(cell: object) -> str:
    """A cell on one line: 3.0 as 3, dates as ISO text."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, float):
        return f"{cell:.10g}"
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(sep=" ").removesuffix(" 00:00:00")
    return " ".join(str(cell).split())


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
