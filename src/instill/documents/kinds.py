"""Which format family a source belongs to: by its ending, else by what the server says, else by its first bytes."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from pathlib import PurePosixPath

from instill.documents.decoding import BYTE_ORDER_MARKS, without_mark

_ENDINGS = {
    "text": "txt text log me 1st",
    "markdown": "md markdown mdown mkd mdx qmd rmd",
    "rst": "rst rest",
    "html": "html htm xhtml",
    "pdf": "pdf",
    "docx": "docx",
    "pptx": "pptx",
    "xlsx": "xlsx xlsm",
    "xls": "xls",
    "epub": "epub",
    "csv": "csv tsv tab",
    "json": "json geojson webmanifest",
    "jsonl": "jsonl ndjson",
    "notebook": "ipynb",
    "email": "eml",
    "msg": "msg",
    "xml": "xml rss atom rdf opml xsd wsdl",
    "rtf": "rtf",
    "zip": "zip",
    "image": "png jpg jpeg jpe gif bmp tif tiff webp",
    "code": (
        "py pyi pyx js mjs cjs jsx ts tsx java kt kts scala groovy c h cc cpp cxx hpp hh hxx m mm cs fs vb go rs rb "
        "php pl pm lua r jl swift dart ex exs erl hrl hs ml mli clj cljs lisp el scm sql sh bash zsh fish ps1 bat cmd "
        "yaml yml toml ini cfg conf properties env css scss sass less vue svelte tf hcl proto graphql gql cmake mk "
        "gradle dockerfile makefile nix zig nim v sv vhd asm s f f90 f95 for pas d tcl awk sed vim tex bib sty bzl "
        "adoc asciidoc org patch diff lock gitignore editorconfig"
    ),
}
_KIND_BY_ENDING = {ending: kind for kind, endings in _ENDINGS.items() for ending in endings.split()}
_KIND_BY_ENDING |= {"adoc": "text", "asciidoc": "text", "org": "text", "tex": "text", "lock": "text"}
_KIND_BY_NAME = {
    "dockerfile": "code",
    "makefile": "code",
    "gnumakefile": "code",
    "jenkinsfile": "code",
    "rakefile": "code",
    "gemfile": "code",
    "cmakelists.txt": "code",
}
_KIND_BY_TYPE = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/x-rst": "rst",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/pdf": "pdf",
    "application/json": "json",
    "application/ld+json": "json",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/x-ipynb+json": "notebook",
    "application/xml": "xml",
    "text/xml": "xml",
    "application/rss+xml": "xml",
    "application/atom+xml": "xml",
    "application/rtf": "rtf",
    "text/rtf": "rtf",
    "application/zip": "zip",
    "application/epub+zip": "epub",
    "message/rfc822": "email",
    "application/vnd.ms-outlook": "msg",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
_MAGIC = (
    (b"%PDF-", "pdf"),
    (b"{\\rtf", "rtf"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"BM", "image"),
    (b"II*\x00", "image"),
    (b"MM\x00*", "image"),
)
_GENERAL = ("json", "xml", "zip")  # the name may say more: a notebook is sent as JSON
TEXT_KINDS = frozenset({"text", "markdown", "rst", "html", "csv", "json", "jsonl", "notebook", "xml", "code", "email"})


def kind_of(data: bytes, *, name: str, content_type: str = "") -> str:
    """The format family, or "" when the content is binary and of no known family.

    A known ending decides, unless the first bytes prove another binary family (a PDF called `report.txt`, an old
    spreadsheet called `book.xlsx`).

    Example:
        >>> kind_of(b"%PDF-1.7", name="paper"), kind_of(b"# Hi", name="notes.md"), kind_of(b"\\x7fELF\\x00", name="a")
        ('pdf', 'markdown', '')
    """
    proven = _by_magic(data)
    named = kind_by_name(name)
    if named == "xls" and not proven and not looks_binary(data):
        return (
            "html" if re.search(rb"<(?:html|table)\b", data[:2000], re.IGNORECASE) else "csv"
        )  # as programs export it
    declared = _by_type(content_type)
    if declared and declared not in _GENERAL and not proven:
        return declared  # "guide.php" that a server sends as text/html
    if named and (not proven or (proven == "zip" and named not in TEXT_KINDS)):
        return named
    if proven:
        return proven
    return declared or _by_text(data)


def kind_by_name(name: str) -> str:
    """The family that a file's name claims, or ""."""
    path = PurePosixPath(name.replace("\\", "/").lower())
    return _KIND_BY_NAME.get(path.name) or _KIND_BY_ENDING.get(path.suffix.lstrip("."), "")


def _by_type(content_type: str) -> str:
    mime = content_type.partition(";")[0].strip().lower()
    return _KIND_BY_TYPE.get(mime) or ("image" if mime.startswith("image/") and mime != "image/svg+xml" else "")


def _by_magic(data: bytes) -> str:
    for start, kind in _MAGIC:
        if data.startswith(start) and (start != b"BM" or b"\x00" in data[:64]):
            return kind
    if b"%PDF-" in data[:1024]:
        return "pdf"
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
        return "zip"
    if "META-INF/container.xml" in names:
        return "epub"
    for folder, kind in (("word/", "docx"), ("ppt/", "pptx"), ("xl/", "xlsx")):
        if any(name.startswith(folder) for name in names):
            return kind
    return "zip"


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
    control = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 or byte == 127 for byte in sample)
    return control > 0.02 * len(sample)
