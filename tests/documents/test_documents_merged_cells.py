"""Merged cells in every format that has them: filled, so that each row can be understood alone."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import docx
import openpyxl
import pptx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pptx.util import Inches

from instill.documents.document import Parsed
from instill.documents.readers.column_names import layout
from instill.documents.readers.merged_cells import Merge, filled
from instill.documents.reading import read
from instill.settings import DocumentSettings

NOTHING: frozenset[int] = frozenset()


def parse(data: bytes, name: str) -> Parsed:
    return read(data, name=name, settings=DocumentSettings())[1]


def saved(book: Any) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def head_of(parsed: Parsed) -> str:
    [block] = parsed.blocks
    return parsed.text[block.head_start : block.head_end].split("\n")[0]


# The same table in four formats: a title over all columns, quays merged over their rows, times merged to the right

ROWS = [
    ["Harbour", "Ferry North", "06:00", "22:30"],
    ["Harbour", "Ferry South", "07:00", "21:00"],
    ["Island", "Post boat", "on demand", "on demand"],
]
NAMES = ["Quay", "Line", "First", "Last"]
EXPECTED = [f"| {' | '.join(row)} |" for row in [NAMES, ["---"] * 4, *ROWS]]


def test_word() -> None:
    document = docx.Document()
    table = document.add_table(rows=5, cols=4)
    for number, row in enumerate([["Sailings in May", "", "", ""], NAMES, *ROWS]):
        for column, text in enumerate(row):
            table.cell(number, column).text = text
    table.cell(0, 0).merge(table.cell(0, 3)).text = "Sailings in May"
    table.cell(2, 0).merge(table.cell(3, 0)).text = "Harbour"
    table.cell(4, 2).merge(table.cell(4, 3)).text = "on demand"
    parsed = parse(saved(document), "sailings.docx")
    assert parsed.text.split("\n") == ["Sailings in May", "", *EXPECTED]
    assert head_of(parsed) == "| Quay | Line | First | Last |"


def test_a_page() -> None:
    parsed = parse(
        b"<h1>Quays</h1><table><tr><td colspan=4>Sailings in May</td></tr>"
        b"<tr><td>Quay<td>Line<td>First<td>Last</tr>"
        b"<tr><td rowspan=2>Harbour<td>Ferry North<td>06:00<td>22:30</tr>"
        b"<tr><td>Ferry South<td>07:00<td>21:00</tr>"
        b"<tr><td>Island<td>Post boat<td colspan=2>on demand</tr></table>",
        "quays.html",
    )
    assert parsed.text.split("\n") == ["# Quays", "", "Sailings in May", "", *EXPECTED]
    assert head_of(parsed) == "| Quay | Line | First | Last |"


def test_a_slide() -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    table = slide.shapes.add_table(4, 4, Inches(1), Inches(1), Inches(6), Inches(2)).table
    for number, row in enumerate([NAMES, *ROWS]):
        for column, text in enumerate(row):
            table.cell(number, column).text = text
    table.cell(2, 0).text = table.cell(3, 3).text = ""
    table.cell(1, 0).merge(table.cell(2, 0))
    table.cell(3, 2).merge(table.cell(3, 3))
    parsed = parse(saved(deck), "quays.pptx")
    assert parsed.text.split("\n") == EXPECTED


def test_a_sheet() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [["Sailings in May"], [], NAMES, *ROWS]:
        sheet.append(row)
    sheet["A5"] = sheet["D6"] = None
    for area in ("A1:D1", "A4:A5", "C6:D6"):
        sheet.merge_cells(area)
    lines = parse(saved(book), "quays.xlsx").text.split("\n")
    assert lines == [
        "## Sheet",
        "",
        "Sailings in May",
        "Quay: Harbour; Line: Ferry North; First: 06:00; Last: 22:30",
        "Quay: Harbour; Line: Ferry South; First: 07:00; Last: 21:00",
        "Quay: Island; Line: Post boat; First: on demand; Last: on demand",
    ]


# Names in more than one row


def test_a_year_over_its_quarters_in_a_sheet() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [["Region", 2023, None, 2024, None], [None, "Q1", "Q2", "Q1", "Q2"], ["North", 11, 12, 13, 14]]:
        sheet.append(row)
    for area in ("A1:A2", "B1:C1", "D1:E1"):
        sheet.merge_cells(area)
    assert parse(saved(book), "sales.xlsx").text.split("\n")[2:] == [
        "Region: North; 2023 Q1: 11; 2023 Q2: 12; 2024 Q1: 13; 2024 Q2: 14"
    ]


@pytest.mark.parametrize("cell", ["th", "td"])
def test_a_year_over_its_quarters_in_a_page(cell: str) -> None:
    page = (
        (
            "<table><tr><th rowspan=2>Region</th><th colspan=2>2023</th><th colspan=2>2024</th></tr>"
            "<tr><th>Q1</th><th>Q2</th><th>Q1</th><th>Q2</th></tr>"
            "<tr><td>North</td><td>11</td><td>12</td><td>13</td><td>14</td></tr></table>"
        )
        .replace("th>", f"{cell}>")
        .replace("<th", f"<{cell}")
    )
    assert parse(page.encode(), "sales.html").text.split("\n") == [
        "| Region | 2023 Q1 | 2023 Q2 | 2024 Q1 | 2024 Q2 |",
        "| --- | --- | --- | --- | --- |",
        "| North | 11 | 12 | 13 | 14 |",
    ]


def test_a_group_over_its_columns_without_merged_cells() -> None:
    text = parse(b",2023,,2024,\nRegion,Q1,Q2,Q1,Q2\nNorth,11,12,13,14\n", "sales.csv").text
    assert text == "Region: North; 2023 Q1: 11; 2023 Q2: 12; 2024 Q1: 13; 2024 Q2: 14"


# Which row names the columns


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([["Plan", "Price"], ["Team", "10"]], ("Plan", "Price")),
        ([["Rota", "", ""], ["Week", "Who", "Phone"], ["40", "Gro", "4411"]], ("Week", "Who", "Phone")),
        ([["1", "2", "3"], ["4", "5", "6"]], ()),
        ([["Name", "Anna"], ["Role", "Nurse"], ["Phone", "4412"]], ()),
        ([["Name:", "Anna"], ["Role:", "Nurse"]], ()),
        ([["Plan", "Price"]], ()),
    ],
)
def test_names_are_found_or_not_invented(rows: list[list[str]], names: tuple[str, ...]) -> None:
    assert layout([(row, NOTHING) for row in rows]).names == names


def test_a_table_without_names_shows_none() -> None:
    parsed = parse(b"<table><tr><td>1<td>2</tr><tr><td>3<td>4</tr></table>", "numbers.html")
    assert parsed.text == "| 1 | 2 |\n| 3 | 4 |"
    [block] = parsed.blocks
    assert (block.start, block.end, block.head_end) == (0, len(parsed.text), 0)


def test_names_of_rows_at_the_left_are_no_names_of_columns() -> None:
    page = b"<table><tr><th>Born<td>1931</tr><tr><th>Place<td>Bergen</tr><tr><td></td></tr></table>"
    assert parse(page, "box.html").text == "| Born | 1931 |\n| Place | Bergen |"


def test_bold_cells_are_names() -> None:
    page = b"<table><tr><td><b>1</b><td><b>2</b></tr><tr><td>3<td>4</tr></table>"
    assert parse(page, "bold.html").text == "| **1** | **2** |\n| --- | --- |\n| 3 | 4 |"


# Any merges


@st.composite
def merged_grids(draw: st.DrawFn) -> tuple[int, int, list[Merge]]:
    rows, columns = draw(st.integers(1, 7)), draw(st.integers(1, 5))
    taken: set[tuple[int, int]] = set()
    merges = []
    for _ in range(draw(st.integers(0, 4))):
        top, left = draw(st.integers(0, rows - 1)), draw(st.integers(0, columns - 1))
        bottom, right = draw(st.integers(top, rows - 1)), draw(st.integers(left, columns - 1))
        area = {(row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)}
        if len(area) > 1 and not area & taken:
            taken |= area
            merges.append(Merge(top, left, bottom, right))
    return rows, columns, merges


def truth(rows: int, columns: int, merges: list[Merge]) -> list[list[str]]:
    grid = [[f"{row + 1}{column}" for column in range(columns)] for row in range(rows)]
    for merge in merges:
        for row in range(merge.top, merge.bottom + 1):
            for column in range(merge.left, merge.right + 1):
                grid[row][column] = f"{merge.top + 1}{merge.left}"
    return grid


def is_covered(row: int, column: int, merges: list[Merge]) -> bool:
    return any(
        m.top <= row <= m.bottom and m.left <= column <= m.right and (row, column) != (m.top, m.left) for m in merges
    )


@given(merged_grids())
def test_every_cell_of_a_grid_has_its_text(drawn: tuple[int, int, list[Merge]]) -> None:
    rows, columns, merges = drawn
    expected = truth(rows, columns, merges)
    bare = [["" if is_covered(r, c, merges) else expected[r][c] for c in range(columns)] for r in range(rows)]
    for found, wanted, own in zip(filled(bare, merges), expected, bare, strict=True):
        assert found[0] == (wanted if any(own) else own)


@settings(max_examples=15, deadline=None)
@given(merged_grids())
def test_every_cell_of_a_page_has_its_text(drawn: tuple[int, int, list[Merge]]) -> None:
    rows, columns, merges = drawn
    expected = truth(rows, columns, merges)
    spans = {(m.top, m.left): (m.bottom - m.top + 1, m.right - m.left + 1) for m in merges}
    html, wanted = "<table>", []
    for row in range(rows):
        html += "<tr>"
        own = [column for column in range(columns) if not is_covered(row, column, merges)]
        for column in own:
            down, across = spans.get((row, column), (1, 1))
            html += f"<td rowspan={down} colspan={across}>{expected[row][column]}</td>"
        html += "</tr>"
        if own:
            wanted.append(expected[row])
    text = parse(f"<p>Before.</p>{html}</table>".encode(), "grid.html").text
    words = [word for line in wanted for word in ([line[0]] if len(set(line)) == 1 else line)]
    assert [word for word in text.replace("|", " ").split() if word.isdigit()] == words


def test_spans_without_end_are_bounded() -> None:
    row = "<tr>" + "<td colspan=1000 rowspan=65534>x</td>" * 5 + "</tr>"
    assert len(parse(f"<table>{row * 100}</table>".encode(), "spans.html").text) < 500_000
    book = openpyxl.Workbook()
    for line in (["one", "two"], ["x", "y"], ["three"]):
        book.active.append(line)
    whole = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(book))) as old, zipfile.ZipFile(whole, "w") as new:
        for name in old.namelist():
            merge = b'</sheetData><mergeCells count="1"><mergeCell ref="A3:XFD1048576"/></mergeCells>'
            new.writestr(name, old.read(name).replace(b"</sheetData>", merge))
    assert parse(whole.getvalue(), "spans.xlsx").text.split("\n")[2:] == ["one: x; two: y", "three"]


def sheet_of(rows: list[list[Any]]) -> Parsed:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    return parse(saved(book), "rows.xlsx")


def test_a_small_table_in_a_cell_leaves_the_rest_of_the_table_as_it_is() -> None:
    document = docx.Document()
    table = document.add_table(rows=4, cols=3)
    for number, row in enumerate(
        [["Quay", "Line", "First boat"], *[["", f"Line {letter}", "07:00"] for letter in "ABC"]]
    ):
        for column, text in enumerate(row):
            table.cell(number, column).text = text
    table.cell(1, 0).merge(table.cell(3, 0)).text = "Harbour"
    inner = table.cell(3, 2).add_table(2, 2)
    for number, row in enumerate([["Sunday", "09:00"], ["Monday", "06:00"]]):
        for column, text in enumerate(row):
            inner.cell(number, column).text = text
    lines = parse(saved(document), "sailings.docx").text.split("\n")
    assert lines == [
        "| Quay | Line | First boat |",
        "| --- | --- | --- |",
        "| Harbour | Line A | 07:00 |",
        "| Harbour | Line B | 07:00 |",
        "| Harbour | Line C | 07:00 Sunday, 09:00; Monday, 06:00 |",
    ]


def test_no_cell_reaches_out_of_its_part_of_an_html_table() -> None:
    page = (
        "<table><thead><tr><th>Line</th><th>Fare</th></tr></thead><tbody><tr><td rowspan=9>Ferry</td><td>10</td></tr>"
        "<tr><td>11</td></tr></tbody><tfoot><tr><td>All lines</td><td>21</td></tr></tfoot></table>"
    )
    assert parse(page.encode(), "fares.html").text.split("\n")[2:] == [
        "| Ferry | 10 |",
        "| Ferry | 11 |",
        "| All lines | 21 |",
    ]


def test_a_second_table_of_a_sheet_has_its_own_names() -> None:
    first: list[list[Any]] = [["Name", "Age"], ["Ada", 31], ["Bo", 44]]
    second: list[list[Any]] = [["Dish", "Price"], ["Soup", 5], ["Pie", 7]]
    wide: list[list[Any]] = [["City", "Land", "People"], ["Oslo", "Norway", 7]]
    assert sheet_of([*first, [], *second, [], ["Cities"], *wide]).text.split("\n")[2:] == [
        "Name: Ada; Age: 31", "Name: Bo; Age: 44", "Dish: Soup; Price: 5", "Dish: Pie; Price: 7", "Cities",
        "City: Oslo; Land: Norway; People: 7",
    ]  # fmt: skip


def test_a_table_goes_on_after_an_empty_row() -> None:
    rows = [["Name", "Town"], ["Ada", "Oslo"], [], ["Bo", "Holm"], ["Cai", "Tarn"], [], ["Dan", "Bern"]]
    assert sheet_of(rows).text.split("\n")[2:] == [
        "Name: Ada; Town: Oslo", "Name: Bo; Town: Holm", "Name: Cai; Town: Tarn", "Name: Dan; Town: Bern",
    ]  # fmt: skip


def test_a_remark_beside_rows_of_names_is_not_lost() -> None:
    book = openpyxl.Workbook()
    for row in [
        ["Lamp", "2023", "", "", "Prices"],
        ["", "Q1", "Q2", "", "without tax"],
        ["Red", 10, 11],
        ["Blue", 12, 13],
    ]:
        book.active.append(row)
    book.active.merge_cells("B1:C1")
    book.active.merge_cells("A1:A2")
    assert parse(saved(book), "lamps.xlsx").text.split("\n")[2:] == [
        "Lamp: Red; 2023 Q1: 10; 2023 Q2: 11", "Lamp: Blue; 2023 Q1: 12; 2023 Q2: 13", "Prices without tax",
    ]  # fmt: skip


def test_the_line_that_tells_excel_the_separator_is_no_row() -> None:
    assert (
        parse(b"sep=;\r\nName;Note\r\nAda;1,5\r\nBo;2,5\r\n", "a.csv").text
        == "Name: Ada; Note: 1,5\nName: Bo; Note: 2,5"
    )
