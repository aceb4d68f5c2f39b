"""The limits that a file must keep before anything parses it."""

from __future__ import annotations

import re
import zipfile
import zlib
from io import BytesIO

from instill.documents.format_detection import looks_binary
from instill.documents.formats import ARCHIVE
from instill.documents.plugged import Formats
from instill.errors import DocumentError
from instill.settings import DocumentSettings

_MEMBERS = 20_000
_UNPACKED = 1024**3
_RATIO = 200
_RATIO_FROM = 50 * 1024**2  # small files may compress as well as they like
_DEPTH = 200
_HEAD = 64 * 1024  # where a DOCTYPE stands, at the latest
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def check_size(size: int, settings: DocumentSettings) -> None:
    """Refuse what is empty or above `max_file_mb`, by its size alone."""
    if size == 0:
        raise DocumentError("The file is empty.", remedy="Add it again when it has content, or exclude it.")
    if size > settings.max_file_mb * 1024**2:
        raise DocumentError(
            f"The file is {size / 1024**2:,.0f} MB; the limit is {settings.max_file_mb:,.0f} MB.",
            remedy="Split it, or raise max_file_mb under [documents] in instill.toml.",
        )


def check_content(data: bytes, kind: str, settings: DocumentSettings, formats: Formats | None = None) -> None:
    """Refuse binary, encrypted and explosive content of a known kind, before it reaches a parser."""
    formats = formats or Formats()
    check_size(len(data), settings)
    if kind == "":
        raise DocumentError(
            "The file is binary and of no kind that can be read.",
            remedy="Convert it to PDF or text, or exclude it in instill.toml.",
        )
    form = "archive" if kind == ARCHIVE else formats[kind].form if kind in formats else "binary"
    if form == "archive":
        _check_packed(data, kind)
    elif form == "text":
        if looks_binary(data):
            raise DocumentError(
                f"The file's name says {kind}, but its content is binary.",
                remedy="Give it the right ending, or exclude it in instill.toml.",
            )
        if kind == "xml":
            _check_entities(data)


def _check_packed(data: bytes, kind: str) -> None:
    if data.startswith(_OLE) and "EncryptedPackage".encode("utf-16-le") in data:
        raise DocumentError(
            "The file is encrypted.", remedy="Open it in its program, save it without a password, and add that."
        )
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            explosive = _explosive(members, len(data))
            if not explosive and not any(member.flag_bits & 1 for member in members):
                _check_members(archive, members)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise DocumentError(
            f"The file is damaged or is not a {kind} file.",
            remedy="Open it in its program, save it again, and add that.",
        ) from error
    if any(member.flag_bits & 1 for member in members):
        raise DocumentError("The file is encrypted.", remedy="Save it without a password and add that.")
    if explosive:
        unpacked = sum(member.file_size for member in members)
        raise DocumentError(
            f"The file would unpack to {unpacked / 1024**2:,.0f} MB in {len(members):,} members: a zip bomb?",
            remedy="Do not open it unless you know where it comes from.",
        )


def _explosive(members: list[zipfile.ZipInfo], size: int) -> bool:
    """By the sizes that the archive declares; zipfile never unpacks more than those."""
    unpacked = sum(member.file_size for member in members)
    return (
        len(members) > _MEMBERS
        or unpacked > _UNPACKED
        or (unpacked > _RATIO_FROM and unpacked > _RATIO * size)
        or any(member.file_size > max(_RATIO_FROM, _RATIO * member.compress_size) for member in members)
    )


def _check_members(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    """No member may declare entities, which the office libraries would expand."""
    for member in members:
        if member.filename.lower().endswith((".xml", ".rels", ".opf", ".ncx", ".xhtml", ".html", ".htm", ".vml")):
            with archive.open(member) as file:
                _check_entities(file.read(_HEAD))


def _check_entities(data: bytes) -> None:
    """An XML file that declares entities of its own can expand without end, or pull in other files."""
    head = data[:_HEAD].replace(b"\x00", b"")
    if re.search(rb"<!ENTITY", head, re.IGNORECASE):
        raise DocumentError(
            "The XML declares entities, which can expand without end.", remedy="Remove its DOCTYPE and add it again."
        )


def check_depth(text: str) -> None:
    """Refuse JSON that is nested deeper than 200 levels."""
    depth = 0
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text):
        if match[0] in "[{":
            depth += 1
            if depth > _DEPTH:
                raise DocumentError(
                    f"The JSON is nested deeper than {_DEPTH} levels.", remedy="Flatten it, or exclude it."
                )
        elif match[0] in "]}":
            depth -= 1
