"""An OpenDocument text as HTML, and from there as what Instill indexes.

Instill has checked the archive before (`form="archive"`): its sizes, and that its XML declares no entities. What is
left to a reader is what the format itself can make large or hide: repeated cells, encrypted parts, and too much text.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from defusedxml.ElementTree import fromstring

from instill.extending import DocumentError, Job, Parsed, parsed_from_html

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_SKIPPED = frozenset(
    {
        "tracked-changes",
        "annotation",
        "annotation-end",
        "table-of-content",
        "alphabetical-index",
        "bibliography",
        "forms",
    }
)
_MOST_COPIES = 200
_MOST_LEVELS = 6
_PREFORMATTED = "Preformatted_20_Text"


def read_odt(job: Job) -> Parsed:
    """Headings, paragraphs, lists, tables and notes; title, author and dates from the file's properties.

    Raises:
        DocumentError: the file is encrypted, or has no text where an OpenDocument text has it.
    """
    with zipfile.ZipFile(io.BytesIO(job.data)) as archive:
        names = set(archive.namelist())
        if "META-INF/manifest.xml" in names and b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise DocumentError("The file is encrypted.", remedy="Save it without a password and add that.")
        if "content.xml" not in names:
            raise DocumentError("It has no content.xml.", remedy="Save it again as .odt, and add that.")
        content = fromstring(archive.read("content.xml"))
        metadata = _properties(fromstring(archive.read("meta.xml"))) if "meta.xml" in names else {}
    body = next((each for each in content.iter() if _name(each) == "text" and "office" in each.tag), None)
    if body is None:
        raise DocumentError("It is not an OpenDocument text.", remedy="Give it the right ending, or exclude it.")
    most = int(job.settings.max_text_mb * 1024**2)
    page = "".join(_bounded(_blocks(body, _styles(content)), most))
    return parsed_from_html(page, title=metadata.pop("title", ""), metadata=metadata)


def _bounded(parts: Iterator[str], most: int) -> Iterator[str]:
    """Stops where there is more markup than a text of the largest permitted size can need."""
    written = 0
    for part in parts:
        written += len(part)
        if written > 4 * most:
            raise DocumentError(
                "Its text is too long.", remedy="Split it, or raise max_text_mb under [documents] in instill.toml."
            )
        yield part


def _blocks(element: Element, styles: dict[str, str]) -> Iterator[str]:
    lines: list[str] = []  # of preformatted text, one paragraph each
    for each in element:
        name = _name(each)
        if name == "p" and styles.get(_attribute(each, "style-name"), "") == _PREFORMATTED:
            lines.append(_inline(each)[0].replace("<br>", "\n"))
            continue
        if lines:
            yield f"<pre>{chr(10).join(lines)}</pre>"
            lines = []
        yield from _block(each, name, styles)
    if lines:
        yield f"<pre>{chr(10).join(lines)}</pre>"


def _block(element: Element, name: str, styles: dict[str, str]) -> Iterator[str]:
    if name in _SKIPPED:
        return
    if name in ("p", "h"):
        inline, notes = _inline(element)
        level = min(_MOST_LEVELS, _count(element, "outline-level")) if name == "h" else 0
        yield f"<h{level}>{inline}</h{level}>" if level else f"<p>{inline}</p>"
        yield from (f"<p>{note}</p>" for note in notes)
        for box in _boxes(element):
            yield from _blocks(box, styles)
    elif name == "list":
        items = (item for item in element if _name(item) in ("list-item", "list-header"))
        yield "<ul>"
        for item in items:
            yield "<li>"
            yield from _blocks(item, styles)
            yield "</li>"
        yield "</ul>"
    elif name == "table":
        yield "<table>"
        yield from _rows(element, styles)
        yield "</table>"
    else:
        yield from _blocks(element, styles)


def _boxes(element: Element) -> Iterator[Element]:
    """Text boxes that hang on a paragraph; those inside of others come with them."""
    for each in element:
        if _name(each) == "text-box":
            yield each
        else:
            yield from _boxes(each)


def _rows(table: Element, styles: dict[str, str], cell: str = "td") -> Iterator[str]:
    for each in table:
        name = _name(each)
        if name == "table-row":
            row = "".join(_cells(each, styles, cell))
            yield f"<tr>{row}</tr>" * min(_count(each, "number-rows-repeated"), _MOST_COPIES if row else 1)
        elif name == "table-header-rows":
            yield from _rows(each, styles, "th")
        elif name in ("table-rows", "table-row-group"):
            yield from _rows(each, styles, cell)


def _cells(row: Element, styles: dict[str, str], tag: str) -> Iterator[str]:
    """What a merge covers has no cell of its own in HTML either."""
    for each in row:
        if _name(each) != "table-cell":
            continue
        across, down = (min(_count(each, f"number-{noun}-spanned"), _MOST_COPIES) for noun in ("columns", "rows"))
        spans = "".join(
            f" {key}={quoteattr(str(value))}" for key, value in (("colspan", across), ("rowspan", down)) if value > 1
        )
        inner = "".join(_blocks(each, styles))
        copies = min(_count(each, "number-columns-repeated"), _MOST_COPIES if inner else 1)
        yield f"<{tag}{spans}>{inner}</{tag}>" * copies


def _inline(element: Element) -> tuple[str, list[str]]:
    """The words of a paragraph as HTML, and those of its notes."""
    parts: list[str] = [escape(element.text or "")]
    notes: list[str] = []
    for each in element:
        name = _name(each)
        if name == "s":
            parts.append(" " * min(_count(each, "c"), _MOST_COPIES))
        elif name == "tab":
            parts.append(" ")
        elif name == "line-break":
            parts.append("<br>")
        elif name == "note":
            notes.append(_note(each))
        elif name not in _SKIPPED and name != "frame":
            inner, more = _inline(each)
            parts.append(inner)
            notes += more
        parts.append(escape(each.tail or ""))
    return "".join(parts), notes


def _note(element: Element) -> str:
    mark = next((each.text or "" for each in element if _name(each) == "note-citation"), "")
    body = next((each for each in element if _name(each) == "note-body"), None)
    words = " ".join(_inline(each)[0] for each in body) if body is not None else ""
    return f"[{escape(mark)}] {words}" if mark else words


def _styles(content: Element) -> dict[str, str]:
    """Style of a paragraph -> the style that it is made from; a style of its own stands for itself."""
    found = {_PREFORMATTED: _PREFORMATTED}
    for each in content.iter():
        if _name(each) == "style":
            found[_attribute(each, "name")] = _attribute(each, "parent-style-name")
    return found


def _properties(meta: Element) -> dict[str, str]:
    keys = {"title": "title", "creator": "author", "date": "date", "subject": "subject", "keyword": "keywords"}
    found: dict[str, str] = {}
    for each in meta.iter():
        key, value = keys.get(_name(each), ""), " ".join((each.text or "").split())
        if key and value:
            found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _attribute(element: Element, name: str) -> str:
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def _count(element: Element, name: str) -> int:
    value = _attribute(element, name)
    return max(1, int(value)) if value.isascii() and value.isdigit() and len(value) < 10 else 1
