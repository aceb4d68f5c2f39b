"""CSV, TSV and spreadsheets: each row is a line that can be understood without the header.

    Country: France; Capital: Paris; Inhabitants: 68 000 000

Where a sheet has no header row, its cells are joined by " | ".
"""

from __future__ import annotations

import csv
import datetime
import io
import itertools
import re
import zipfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from instill.documents.document import Block, Heading, Parsed
from instill.documents.readers.grids import LOOKED_AT, Layout, Merge, filled, layout, renames
from instill.documents.readers.job import Job
from instill.errors import DocumentError

_MERGE = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?\bref\s*=\s*[\"']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})[\"']")
_SEPARATOR_TOLD = re.compile(r"[\"']?sep=([^\w\s\"]|\t)[\"']?;*\n", re.IGNORECASE)
_MAX_MERGES = 200_000
_BLOCK = 1024**2
_MAX_COLUMNS = 2000
_MAX_CELLS = 10_000_000

_Row = tuple[list[str], frozenset[int]]


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
    content = "\n".join(_lines(rows, job))
    return Parsed(text=content, blocks=(Block("table", 0, len(content)),) if content else (), notices=notices)


def _left_open(text: str, separator: str) -> bool:
    """Does the file end inside of quotes?"""
    try:
        for _ in csv.reader(io.StringIO(text), delimiter=separator, strict=True):
            pass
    except csv.Error as error:
        return "end of data" in str(error)
    return False


def read_xlsx(job: Job) -> Parsed:
    """A heading a sheet; values as last calculated. Hidden sheets are left out, with a notice."""
    from instill.documents.readers.sturdy import sturdily

    return sturdily(job, lambda data: _workbook(job, data))


def _workbook(job: Job, data: bytes) -> Parsed:
    import openpyxl

    from instill.documents.readers.office import properties

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    try:
        sheets: list[_Sheet] = []
        hidden: list[str] = []
        for sheet in book.worksheets:
            if sheet.sheet_state != "visible":
                hidden.append(str(sheet.title))
                continue
            sheet.reset_dimensions()
            rows = sheet.iter_rows(values_only=True, max_col=_MAX_COLUMNS)
            sheets.append(_Sheet(str(sheet.title), rows, _merges(data, sheet._worksheet_path)))
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
        book = _opened_xls(job.data)
    except xlrd.XLRDError as error:
        if "encrypt" in str(error).lower() or "password" in str(error).lower():
            raise DocumentError("The file is encrypted.", remedy="Save it without a password and add that.") from error
        raise
    sheets = [
        _Sheet(sheet.name, _xls_rows(book, sheet), _xls_merges(sheet))
        for sheet in book.sheets()
        if sheet.visibility == 0
    ]
    return _sheets(sheets, job)


def _opened_xls(data: bytes) -> Any:
    """The workbook with its formats, which tell of merged cells; without them where they are not as they should be."""
    import xlrd

    try:
        return xlrd.open_workbook(file_contents=data, logfile=io.StringIO(), formatting_info=True)
    except xlrd.XLRDError:
        raise
    except Exception:  # Odd formats make xlrd raise whatever its code runs into; the values can still be read.
        return xlrd.open_workbook(file_contents=data, logfile=io.StringIO())


def _xls_merges(sheet: object) -> list[Merge]:
    """Merged cells, which xlrd gives with their ends excluded."""
    ranges = list(getattr(sheet, "merged_cells", ()))[:_MAX_MERGES]
    return [Merge(top, left, bottom - 1, right - 1) for top, bottom, left, right in ranges]


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


def _merges(data: bytes, path: str) -> list[Merge]:
    """The merged cells of a sheet. openpyxl knows them only of sheets that it holds in memory as a whole."""
    from openpyxl.utils import column_index_from_string

    found: list[Merge] = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(path.lstrip("/")) as file:
        rest = b""
        while (block := file.read(_BLOCK)) and len(found) < _MAX_MERGES:
            block = rest + block
            last = 0
            for match in _MERGE.finditer(block):
                left, right = (column_index_from_string(match[group].decode()) - 1 for group in (1, 3))
                found.append(Merge(int(match[2]) - 1, left, int(match[4]) - 1, right))
                last = match.end()
            rest = block[max(last, len(block) - 200) :]
    return found


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    rows: Iterable[Sequence[object]]
    merges: Sequence[Merge] = ()


def _sheets(sheets: Iterable[_Sheet], job: Job) -> Parsed:
    parts: list[str] = []
    headings: list[Heading] = []
    blocks: list[Block] = []
    length = 0
    for sheet in sheets:
        content = "\n".join(_lines(sheet.rows, job, sheet.merges))
        if not content:
            continue
        heading = f"## {sheet.name}\n\n"
        headings.append(Heading(2, sheet.name, length))
        blocks.append(Block("table", length + len(heading), length + len(heading) + len(content)))
        parts.append(heading + content)
        length += len(heading) + len(content) + 2
    return Parsed(text="\n\n".join(parts), headings=headings, blocks=blocks)


def _lines(rows: Iterable[Sequence[object]], job: Job, merges: Sequence[Merge] = ()) -> Iterator[str]:
    """Rows as lines with the names of their columns; what stands above the names is a line of its own."""
    now: Layout | None = None
    unused: set[int] = set()
    for part in _parts(_filled(rows, job, merges)):
        first = list(itertools.islice(part, LOOKED_AT))
        found = layout(first)
        if now is None or renames(now, found, first):
            yield from _named_only(now, unused)
            now = found
            unused = set(range(len(found.names))) if found.head > 1 else set()
        else:
            found = Layout(0, 0, now.names)
        for number, (row, spanned) in enumerate(itertools.chain(first, part)):
            if not found.above <= number < found.above + found.head:
                unused -= {column for column, cell in enumerate(row) if cell and number >= found.above}
                yield _line(row, spanned, found.names if number >= found.above else ())
    yield from _named_only(now, unused)


def _named_only(found: Layout | None, unused: Collection[int]) -> Iterator[str]:
    """What stands in several rows of names over a column without values may be more than a name, and is not lost."""
    names = [found.names[column] for column in sorted(unused) if found.names[column]] if found else []
    if names:
        yield " | ".join(names)


def _parts(rows: Iterable[_Row]) -> Iterator[Iterator[_Row]]:
    """The rows between empty ones; each part is read to its end before the next."""
    for filled_, part in itertools.groupby(rows, lambda each: any(each[0])):
        if filled_:
            yield part


def _filled(
    rows: Iterable[Sequence[object]], job: Job, merges: Sequence[Merge]
) -> Iterator[tuple[list[str], frozenset[int]]]:
    """The rows, within the limit of cells."""
    cells = 0
    for number, (row, spanned) in enumerate(filled(([_shown(cell) for cell in row] for row in rows), merges)):
        cells += sum(map(bool, row))
        if cells > _MAX_CELLS:
            raise DocumentError(f"The table has more than {_MAX_CELLS:,} filled cells.", remedy="Split it.")
        if number % 5000 == 4999:
            job.alive()
        yield row, spanned


def _line(row: Sequence[str], spanned: frozenset[int], names: Sequence[str]) -> str:
    own = [cell for column, cell in enumerate(row) if cell and column not in spanned]
    if not names or len(own) < sum(map(bool, row)) == len(spanned) + 1:  # one cell over the whole row
        return " | ".join(own)
    named = [(names[column] if column < len(names) else "", value) for column, value in enumerate(row) if value]
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
