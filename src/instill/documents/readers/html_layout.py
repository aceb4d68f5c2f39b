"""HTML tables that set out a page or a mail instead of holding data: what stands in their cells is ordinary text."""

from __future__ import annotations

from typing import Any

_BLOCKS = ("p", "ul", "ol", "dl", "pre", "blockquote", "hr")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_MOST_ROWS = 4
"""Rows of a table that sets out paragraphs; one of data with a list in a cell has more."""
_LONG = 300
"""Characters of a cell with paragraphs that is part of a page."""
_MENU_LINKS = 5
_MENU_SHARE = 0.8


def unset_layout(soup: Any, *, menus: bool = False) -> None:
    """Make every table that only sets out a page into blocks, the outer ones first.

    Args:
        menus: cells of nothing but links are kept; False leaves them out where a longer cell stands beside them.
    """
    for table in soup.find_all("table"):
        if table.name == "table" and _sets_out(table):
            _unset(table, menus)


def _sets_out(table: Any) -> bool:
    if table.get("role") == "presentation":
        return True
    if table.find(["caption", "thead", "th"]) is not None and _own(table, ["caption", "thead", "th"]):
        return False
    cells, rows = _own(table, ["td"]), _own(table, ["tr"])
    if not cells:
        return False
    inner = [each for each in table.find_all("table") if each.find_parent("table") is table]
    if 2 * sum(len(_text(each)) for each in inner) > len(_text(table)):
        return True
    if len(cells) == 1:
        return bool(inner) or cells[0].find([*_BLOCKS, *_HEADINGS]) is not None
    return len(rows) <= _MOST_ROWS and any(map(_is_page, cells))


def _is_page(cell: Any) -> bool:
    """Does the cell hold headings, or several paragraphs and lists, of some length?"""
    if len(_text(cell)) < _LONG:
        return False
    return cell.find(list(_HEADINGS)) is not None or len(cell.find_all(list(_BLOCKS))) > 1


def _unset(table: Any, menus: bool) -> None:
    cells = _own(table, ["td"])
    longest = max(len(_text(cell)) for cell in cells)
    for cell in cells:
        if not menus and len(_text(cell)) < longest and _is_menu(cell):
            cell.decompose()
        else:
            cell.name, cell.attrs = "div", {}
    for part in _own(table, ["tbody", "tfoot", "tr", "colgroup"]):
        part.unwrap()
    table.name, table.attrs = "div", {}


def _is_menu(cell: Any) -> bool:
    links = cell.find_all("a")
    linked = sum(len(_text(link)) for link in links)
    return len(links) >= _MENU_LINKS and linked > _MENU_SHARE * len(_text(cell))


def _own(table: Any, names: list[str]) -> list[Any]:
    return [each for each in table.find_all(names) if each.find_parent("table") is table]


def _text(node: Any) -> str:
    return " ".join(node.get_text(" ", strip=True).split())
