"""Which format a source is of: by its ending, else by what the server says, else by its first bytes."""

from __future__ import annotations

import re
import zipfile
import zlib
from io import BytesIO

from instill.documents.formats import ARCHIVE
from instill.documents.plugged import Formats
from instill.documents.text_decoding import BYTE_ORDER_MARKS, without_mark

_GENERAL = ("json", "xml", ARCHIVE)  # the name may say more: a notebook is sent as JSON
_CONTROL = bytes({*range(9), *range(14, 27), *range(28, 32), 127})  # not tabs, line ends and escapes


def kind_of(data: bytes, *, name: str, content_type: str = "", formats: Formats | None = None) -> str:
    """The name of the format, or "" when the content is binary and of no known format.

    A known ending decides, unless the first bytes prove another binary family (a PDF called `report.txt`, an old
    spreadsheet called `book.xlsx`).

    Example:
        >>> kind_of(b"%PDF-1.7", name="paper"), kind_of(b"# Hi", name="notes.md"), kind_of(b"\\x7fELF\\x00", name="a")
        ('pdf', 'markdown', '')
    """
    formats = formats or Formats()
    found = _built_in(data, name, content_type, formats)
    if found in ("", ARCHIVE) or (found in _GENERAL and not formats.by_name(name)):
        found = formats.brought(data, name=name, content_type=content_type, inside=_named_inside(data)) or found
    return found or _by_text(data)


def _built_in(data: bytes, name: str, content_type: str, formats: Formats) -> str:
    proven = _by_magic(data, formats)
    named = formats.by_name(name)
    if named == "xls" and not proven and not looks_binary(data):
        return (
            "html" if re.search(rb"<(?:html|table)\b", data[:2000], re.IGNORECASE) else "csv"
        )  # as programs export it
    declared = formats.by_type(content_type)
    if declared and declared not in _GENERAL and not proven:
        return declared  # "guide.php" that a server sends as text/html
    if named and (not proven or (proven == ARCHIVE and (named == ARCHIVE or formats[named].form != "text"))):
        return named
    return proven or declared


def _by_magic(data: bytes, formats: Formats) -> str:
    found = formats.by_start(data)
    if found:
        return found
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(b"BM") and b"\x00" in data[:64]:
        return "image"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image"
    if data.startswith(b"PK\x03\x04"):
        return _by_members(data)
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        if "__substg1.0_".encode("utf-16-le") in data:
            return "msg"
        if any(stream.encode("utf-16-le") in data for stream in ("WordDocument", "PowerPoint Document")):
            return ""  # with a sheet inside, perhaps
        if "Workbook".encode("utf-16-le") in data or "Book".encode("utf-16-le") in data:
            return "xls"
    return ""


def _by_members(data: bytes) -> str:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = archive.namelist()[:2000]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ARCHIVE
    if "META-INF/container.xml" in names:
        return "epub"
    for folder, kind in (("word/", "docx"), ("ppt/", "pptx"), ("xl/", "xlsx")):
        if any(name.startswith(folder) for name in names):
            return kind
    return ARCHIVE


def _named_inside(data: bytes) -> str:
    """The media type that an archive names as its own, as OpenDocument files and books do, or ""."""
    if not data.startswith(b"PK\x03\x04"):
        return ""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive, archive.open("mimetype") as file:
            return file.read(100).decode("ascii").strip()
    except (zipfile.BadZipFile, KeyError, OSError, ValueError, NotImplementedError, RuntimeError, zlib.error, EOFError):
        return ""


def _by_text(data: bytes) -> str:
    if looks_binary(data):
        return ""
    start = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "html"
    if start.startswith(b"<?xml"):
        return "html" if b"<html" in start else "xml"
    if start.startswith(b"#!"):
        return "code"
    return "text"


def looks_binary(data: bytes) -> bool:
    """NULs outside UTF-16/32 text, or many control characters, in the first 8 KiB."""
    sample = data[:8192]
    if sample.startswith(BYTE_ORDER_MARKS):
        return False
    if b"\x00" in sample:
        return not without_mark(data)
    control = len(sample) - len(sample.translate(None, _CONTROL))
    return control > 0.02 * len(sample)
