"""HTML tables made regular before they are written as Markdown: merged cells filled, one row of names at most."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from instill.documents.readers.column_names import Layout, layout

HEAD = "data-head"
"""Marks the row that names the columns."""

_MAX_COLUMNS = 1000
_MAX_COPIES = 10_000
"""Cells that one page may gain from merged ones; spans beyond are not filled."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in the grid: the cell that covers it (None where none does), whether that cell begins elsewhere, and how
    many rows it covers from here on."""

    cell: Any
    covered: bool = False
    rows: int = 1


def make_regular(soup: Any) -> None:
    """Rewrite every table of data: as many cells in each row, and a row with `HEAD` where names are known.

    A small table in a cell becomes a line of text there; a table that only sets out others on the page is left.

    Names come from `<thead>`, from rows of `<th>` at the top, else from what the first rows say
    (`column_names.layout`). A cell over all columns at the top becomes a paragraph above the table.
    """
    copies = _MAX_COPIES
    for table in soup.find_all("table"):
        _flatten_inner(soup, table)
        rows = [row for row in table.find_all("tr") if row.find_parent("table") is table]
        if not rows or table.find("table") is not None:
            continue
        grid, copies = _grid(rows, copies)
        _rewrite(soup, table, rows, grid, _layout(rows, grid))


def _flatten_inner(soup: Any, table: Any) -> None:
    """The tables inside of one that has most of its text outside of them, each as a line: "Adult, 10; Child, 5"."""
    inner = [each for each in table.find_all("table") if each.find_parent("table") is table]
    held = sum(len(_text(each)) for each in inner)
    if not inner or 2 * held > len(_text(table)):
        return
    for each in inner:
        rows = ([_text(cell) for cell in row.find_all(["td", "th"])] for row in each.find_all("tr"))
        line = "; ".join(", ".join(filter(None, row)) for row in rows if any(row))
        each.replace_with(soup.new_string(f" {line} "))


def _text(node: Any) -> str:
    return " ".join(node.get_text(" ", strip=True).split())


def _rewrite(soup: Any, table: Any, rows: Sequence[Any], grid: Sequence[Sequence[_Place]], found: Layout) -> None:
    width = max(map(len, grid))
    first = found.above + found.head
    for number, (row, places) in enumerate(zip(rows, grid, strict=True)):
        if number < found.above:
            for place in places:
                if place.cell is not None and not place.covered:
                    place.cell.name = "p"
                    table.insert_before(place.cell.extract())
            row.extract()
        elif found.above < number < first or not any(map(_shows, places)):
            row.extract()
        else:
            _fill(soup, row, places, width)
            if number < first:
                _name(row, found)


def _name(row: Any, found: Layout) -> None:
    """The row becomes the one that names the columns, for all rows of names."""
    row[HEAD] = "1"
    for column, cell in enumerate(row.find_all(["td", "th"])):
        cell.name = "th"
        if found.head > 1:
            cell.string = found.names[column] if column < len(found.names) else ""


def _fill(soup: Any, row: Any, places: Sequence[_Place], width: int) -> None:
    """As many cells as there are columns; a cell over the whole row stands once, at the left."""
    alone = len(places) > 1 and len({id(place.cell) for place in places}) == 1
    cells = []
    for column, place in enumerate(places):
        if place.cell is None or (alone and column):
            cells.append(soup.new_tag("td"))
        else:
            cells.append(copy.copy(place.cell) if place.covered else place.cell)
    for cell in cells:
        cell.extract()
    row.clear()
    for cell in cells + [soup.new_tag("td") for _ in range(width - len(cells))]:
        for name in ("colspan", "rowspan"):
            cell.attrs.pop(name, None)
        row.append(cell)


def _grid(rows: Sequence[Any], copies: int) -> tuple[list[list[_Place]], int]:
    """The cells of each row with those that cover it from the left and from above; how many copies are left."""
    grid: list[list[_Place]] = []
    hanging: dict[int, _Place] = {}  # by column, what covers it from above
    ends = _group_ends(rows)
    for number, row in enumerate(rows):
        places: dict[int, _Place] = {}
        column = 0
        for cell in row.find_all(["td", "th"]):
            if cell.find_parent("tr") is not row:
                continue
            while column in hanging:
                column += 1
            across = _span(cell, "colspan", _MAX_COLUMNS)
            down = min(_span(cell, "rowspan", len(rows)), ends[number] - number)
            if across * down - 1 > copies or column + across > _MAX_COLUMNS:
                across = down = 1
            copies -= across * down - 1
            for offset in range(across):
                places[column] = _Place(cell, offset > 0, down)
                column += 1
        reaching = {**hanging, **places}
        if places:  # a row without cells of its own is left empty
            places = reaching
        hanging = {
            column: _Place(place.cell, True, place.rows - 1) for column, place in reaching.items() if place.rows > 1
        }
        grid.append([places.get(column, _Place(None)) for column in range(max(places, default=-1) + 1)])
    return grid, copies


def _group_ends(rows: Sequence[Any]) -> list[int]:
    """For each row, the number of the first one after its group (head, body, foot): no cell reaches into the next."""
    ends = [len(rows)] * len(rows)
    for number in range(len(rows) - 2, -1, -1):
        ends[number] = ends[number + 1] if rows[number].parent is rows[number + 1].parent else number + 1
    return ends


def _span(cell: Any, name: str, most: int) -> int:
    value = str(cell.get(name) or "1").strip()
    if not value.isascii() or not value.isdigit():
        return 1
    count = int(value[:6])
    return most if count == 0 and name == "rowspan" else max(1, min(most, count))


def _layout(rows: Sequence[Any], grid: Sequence[Sequence[_Place]]) -> Layout:
    """As `column_names.layout`, with what the markup says of names."""
    above = 0
    while above < len(rows) - 1 and len(grid[above]) > 1 and len({id(place.cell) for place in grid[above]}) == 1:
        above += 1
    marked = 0
    while marked < len(rows) and _is_marked(rows[marked], grid[marked]):
        marked += 1
    if marked == len(rows):
        marked = min(marked, above + 1)
    texts = [([_words(place) for place in places], _spanned(places)) for places in grid]
    if marked > above:
        width = max(len(row) for row, _ in texts[above:marked])
        columns = [[row[column] for row, _ in texts[above:marked] if column < len(row)] for column in range(width)]
        names = tuple(" ".join(dict.fromkeys(filter(None, column))) for column in columns)
        return Layout(above, marked - above, names) if any(names) else Layout(marked, 0, ())
    if any(place.cell is not None and place.cell.name == "th" for places in grid for place in places):
        return Layout(above, 0, ())  # names of rows, at their left
    if len(rows) > above + 1 and _is_bold(grid[above]) and not _is_bold(grid[above + 1]):
        return Layout(above, 1, tuple(texts[above][0]))
    found = layout(texts[above:])
    return Layout(above + found.above, found.head, found.names)


def _words(place: _Place) -> str:
    return "" if place.cell is None else _text(place.cell)


def _shows(place: _Place) -> bool:
    return bool(_words(place)) or (place.cell is not None and place.cell.find("img") is not None)


def _spanned(places: Sequence[_Place]) -> frozenset[int]:
    """Columns that go on with the cell to their left."""
    cells = [place.cell for place in places]
    return frozenset(
        column for column in range(1, len(cells)) if cells[column] is not None and cells[column] is cells[column - 1]
    )


def _is_marked(row: Any, places: Sequence[_Place]) -> bool:
    """In `<thead>`, or of nothing but `<th>`."""
    if row.parent is not None and row.parent.name == "thead":
        return True
    return bool(places) and all(place.cell is not None and place.cell.name == "th" for place in places)


def _is_bold(places: Sequence[_Place]) -> bool:
    """Whether two cells or more have text and all of it is bold."""
    cells = [place.cell for place in places if _words(place)]
    return len(cells) >= 2 and all(
        len(cell.get_text(strip=True)) == sum(len(bold.get_text(strip=True)) for bold in _outer_bold(cell))
        for cell in cells
    )


def _outer_bold(cell: Any) -> list[Any]:
    return [bold for bold in cell.find_all(["strong", "b"]) if bold.find_parent(["strong", "b"]) is None]
