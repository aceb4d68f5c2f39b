"""Office files with odd parts: references that lead nowhere, pictures elsewhere, properties that break the rules.

Such files open in their programs. The libraries that read them stop at the first part that is not as it should be, so
a file that they refuse is read again without the references that lead nowhere, and after that for its text alone.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import escape
from xml.etree.ElementTree import Element  # a type only: defusedxml parses

from instill.documents.document import Parsed
from instill.documents.readers.html import html_to_markdown
from instill.documents.readers.job import Job
from instill.documents.readers.markdown import structured
from instill.errors import DocumentError

_RELATIONSHIP = re.compile(rb"<(?:\w+:)?Relationship\b[^>]*?(?:/>|>\s*</(?:\w+:)?Relationship>)")
_ATTRIBUTE = re.compile(rb"""\b(Id|Target|TargetMode|Type)\s*=\s*["']([^"']*)["']""")
_REFERENCE = re.compile(rb"""\s\w+:(?:embed|link|id|pict|href|cs|dm|lo|qs)\s*=\s*["']([^"']*)["']""")
_LISTED = re.compile(rb"""<(?:\w+:)?(?:sldId|sheet)\b[^>]*?\s\w+:id\s*=\s*["']([^"']*)["'][^>]*?/>""")
_MAIN_TYPE = re.compile(
    rb"application/vnd\.(?:openxmlformats-officedocument\.presentationml\.(?:slideshow|template)|"
    rb"ms-powerpoint\.(?:presentation|slideshow|template)\.macroEnabled)\.main\+xml"
)
_HEADING = re.compile(r"(?:heading|berschrift|titre|overskrift|rubrik|titulo|t.tulo|kop)\s*(\d)$", re.IGNORECASE)


def sturdily(job: Job, read: Callable[[bytes], Parsed]) -> Parsed:
    """What `read` makes of the file; where it fails, of the file without its odd parts; else the text alone.

    Raises:
        DocumentError: the file has no text that can be found, or `read` says what is wrong with it.
    """
    try:
        return read(job.data)
    except (DocumentError, MemoryError, ImportError, RecursionError):
        raise
    except Exception as error:
        try:
            return read(repaired(job.data))
        except (MemoryError, ImportError, RecursionError):
            raise
        except Exception:  # The libraries behind raise anything on odd parts; the first error is the one told.
            parsed = text_alone(job.data, job.kind)
            if parsed is None:
                raise error from None
    notice = "Some parts of the file are not as they should be, so its text was read without its looks."
    return replace(parsed, notices=(notice,))


def repaired(data: bytes) -> bytes:
    """The package without references to parts that are missing or elsewhere, and without its properties."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        names = set(old.namelist())
        for name in dict.fromkeys(old.namelist()):
            if name.startswith("docProps/"):
                continue
            content = old.read(name)
            if name == "[Content_Types].xml":
                main = b"application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
                content = _MAIN_TYPE.sub(main, content)
            elif name.endswith(".rels"):
                content = _without_lost(content, _source(name), names)
            elif name.endswith(".xml"):
                content = _without_dangling(content, _known_ids(old, name, names))
            new.writestr(name, content)
    return out.getvalue()


def _without_lost(rels: bytes, folder: str, names: set[str]) -> bytes:
    return _RELATIONSHIP.sub(lambda match: match[0] if _leads(match[0], folder, names) else b"", rels)


def _source(rels: str) -> str:
    """The folder that the targets of a part's relationships are relative to."""
    return posixpath.dirname(posixpath.dirname(rels))


def _leads(relationship: bytes, folder: str, names: set[str]) -> bool:
    found = {key.decode(): value.decode("utf-8", "replace") for key, value in _ATTRIBUTE.findall(relationship)}
    if found.get("TargetMode", "").lower() == "external":
        return not found.get("Type", "").endswith("/image")
    target = found.get("Target", "")
    path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
    return path in names and not path.startswith("docProps/")


def _known_ids(archive: zipfile.ZipFile, name: str, names: set[str]) -> frozenset[bytes]:
    rels = posixpath.join(posixpath.dirname(name), "_rels", f"{posixpath.basename(name)}.rels")
    if rels not in names:
        return frozenset()
    entries = [entry for entry in _RELATIONSHIP.findall(archive.read(rels)) if _leads(entry, _source(rels), names)]
    return frozenset(value for entry in entries for key, value in _ATTRIBUTE.findall(entry) if key == b"Id")


def _without_dangling(content: bytes, known: frozenset[bytes]) -> bytes:
    content = _LISTED.sub(lambda match: match[0] if match[1] in known else b"", content)
    return _REFERENCE.sub(lambda match: match[0] if match[1] in known else b"", content)


def text_alone(data: bytes, kind: str) -> Parsed | None:
    """Paragraphs and tables, read from the XML; None where there are none."""
    from defusedxml import ElementTree
    from defusedxml.common import DefusedXmlException

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            parts = [ElementTree.fromstring(archive.read(name)) for name in _parts(kind, names)]
            shared: list[str] = []
            if kind == "xlsx" and "xl/sharedStrings.xml" in names:
                root = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
                shared = [_text(entry) for entry in root]
    except (KeyError, ValueError, OSError, zipfile.BadZipFile, ElementTree.ParseError, DefusedXmlException):
        return None
    pages = [_sheet(root, shared) if kind == "xlsx" else "".join(_blocks(root)) for root in parts]
    text = html_to_markdown("".join(pages))
    return structured(text) if text.strip() else None


def _parts(kind: str, names: list[str]) -> list[str]:
    pattern = {
        "docx": r"word/document\d*\.xml",
        "pptx": r"ppt/slides/slide\d+\.xml",
        "xlsx": r"xl/worksheets/sheet\d+\.xml",
    }
    found = [name for name in names if re.fullmatch(pattern[kind], name)]
    return sorted(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])


def _blocks(element: Element) -> Iterator[str]:
    """Paragraphs and tables as HTML, in the order of the file; text boxes where they hang."""
    for child in element:
        name = _name(child)
        if name == "tbl":
            rows = (entry for entry in child.iter() if _name(entry) == "tr")
            yield f"<table>{''.join(map(_row, rows))}</table>"
        elif name == "p":
            text = escape(_text(child))
            level = _level(child)
            yield (f"<h{level}>{text}</h{level}>" if level else f"<p>{text}</p>") if text.strip() else ""
        else:
            yield from _blocks(child)


def _row(row: Element) -> str:
    cells = (cell for cell in row if _name(cell) == "tc")
    return f"<tr>{''.join(f'<td>{escape(_text(cell))}</td>' for cell in cells)}</tr>"


def _sheet(root: Element, shared: list[str]) -> str:
    rows = []
    for row in (entry for entry in root.iter() if _name(entry) == "row"):
        cells = []
        for cell in row:
            value = "".join(child.text or "" for child in cell if _name(child) == "v")
            if cell.get("t") == "s":
                value = shared[int(value)] if value.isdigit() and int(value) < len(shared) else ""
            elif cell.get("t") == "inlineStr":
                value = _text(cell)
            cells.append(f"<td>{escape(value)}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(rows)}</table>"


def _text(element: Element) -> str:
    """The words below an element; line ends and tabs as spaces."""
    parts = []
    for child in element.iter():
        name = _name(child)
        if name == "t" and child.text:
            parts.append(child.text)
        elif name in ("br", "tab", "cr") or (name == "p" and parts):
            parts.append(" ")
    return "".join(parts)


def _level(paragraph: Element) -> int:
    for child in paragraph.iter():
        if _name(child) == "pStyle":
            style = next((value for key, value in child.attrib.items() if key.endswith("}val")), "")
            match = _HEADING.search(style)
            return min(6, max(1, int(match[1]))) if match else 1 if style == "Title" else 0
    return 0


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
