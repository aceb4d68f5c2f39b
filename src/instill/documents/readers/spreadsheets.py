"""Spreadsheets (XLSX, XLS): a heading a sheet; each row is a line that can be understood without the header.

See `row_lines`.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from instill.documents.document import Block, Heading, Parsed
from instill.documents.readers.job import Job
from instill.documents.readers.merged_cells import Merge
from instill.documents.readers.office_properties import properties
from instill.documents.readers.row_lines import row_lines
from instill.errors import DocumentError

_MERGE = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?\bref\s*=\s*[\"']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})[\"']")
_MAX_MERGES = 200_000
_BLOCK = 1024**2
_MAX_COLUMNS = 2000


def read_xlsx(job: Job) -> Parsed:
    """A heading a sheet; values as last calculated. Hidden sheets are left out, with a notice."""
    from instill.documents.readers.office_repair import sturdily

    return sturdily(job, lambda data: _workbook(job, data))


def _workbook(job: Job, data: bytes) -> Parsed:
    import openpyxl

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
        content = "\n".join(row_lines(sheet.rows, job, sheet.merges))
        if not content:
            continue
        heading = f"## {sheet.name}\n\n"
        headings.append(Heading(2, sheet.name, length))
        blocks.append(Block("table", length + len(heading), length + len(heading) + len(content)))
        parts.append(heading + content)
        length += len(heading) + len(content) + 2
    return Parsed(text="\n\n".join(parts), headings=headings, blocks=blocks)
