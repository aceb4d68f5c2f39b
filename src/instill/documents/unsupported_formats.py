"""What to do with a file of a kind that is known and not read."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import PurePosixPath

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OFFICE = 'Save it as {0} in its program or in LibreOffice, or run: soffice --headless --convert-to {0} "{1}"'
_PRINT = "Open it in its program and export it as PDF, and add that."
_SOUND = "Add a transcript of it as text."

_KINDS: tuple[tuple[str, str, str], ...] = (
    ("a Word file from before 2007", "doc dot", _OFFICE.replace("{0}", "docx")),
    ("a PowerPoint file from before 2007", "ppt pps pot", _OFFICE.replace("{0}", "pptx")),
    ("a binary Excel file", "xlsb xlt xlw", _OFFICE.replace("{0}", "xlsx")),
    ("an OpenDocument text", "odt ott fodt sxw", _OFFICE.replace("{0}", "docx")),
    ("an OpenDocument spreadsheet", "ods ots fods sxc", _OFFICE.replace("{0}", "xlsx")),
    ("an OpenDocument presentation", "odp otp fodp sxi", _OFFICE.replace("{0}", "pptx")),
    ("a drawing", "odg vsd vsdx", _PRINT),
    ("a WordPerfect or Works file", "wpd wps wri", _OFFICE.replace("{0}", "docx")),
    ("an Apple Pages document", "pages", "Export it from Pages as Word or PDF, and add that."),
    ("an Apple Numbers table", "numbers", "Export it from Numbers as Excel or CSV, and add that."),
    ("an Apple Keynote presentation", "key", "Export it from Keynote as PowerPoint or PDF, and add that."),
    ("an electronic book", "mobi azw azw3 kfx fb2 lit", "Convert it to EPUB or PDF, for example with Calibre."),
    ("a page description", "ps eps djvu xps oxps", "Convert it to PDF, and add that."),
    ("a OneNote section", "one onetoc2", _PRINT),
    ("a Publisher or Project file", "pub mpp", _PRINT),
    ("a mailbox", "pst ost mbox mbx", "Export its messages as .eml files, and add the folder."),
    ("a database", "mdb accdb sqlite sqlite3 db dbf", "Export its tables as CSV, and add those."),
    ("a columnar table", "parquet feather arrow orc avro", "Export it as CSV or JSON Lines, and add that."),
    ("a sound", "mp3 wav m4a flac ogg opus aac wma", _SOUND),
    ("a video", "mp4 mov avi mkv webm wmv m4v", _SOUND),
    ("a picture of another kind", "heic heif avif psd ai raw cr2 nef ico jxl", "Save it as PNG or JPEG, and add that."),
    ("an archive", "7z rar tar gz tgz bz2 xz zst jar iso dmg cab", "Unpack it, and add the folder."),
    ("a program", "exe dll so dylib class pyc wasm msi apk", "Exclude it in instill.toml."),
)  # fmt: skip
_BY_ENDING = {ending: (what, remedy) for what, endings, remedy in _KINDS for ending in endings.split()}
_BY_STREAM = (("WordDocument", "doc"), ("PowerPoint Document", "ppt"), ("VisioDocument", "vsd"))
_BY_MIMETYPE = (
    (b"opendocument.text", "odt"),
    (b"opendocument.spreadsheet", "ods"),
    (b"opendocument.presentation", "odp"),
)
_BY_START = (
    (b"\x1f\x8b", "gz"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07", "rar"), (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"SQLite format 3\x00", "sqlite"), (b"PAR1", "parquet"), (b"ID3", "mp3"), (b"OggS", "ogg"), (b"fLaC", "flac"),
    (b"%!PS", "ps"), (b"\x00\x00\x01\x00", "ico"), (b"8BPS", "psd"),
)  # fmt: skip


def unread(data: bytes, name: str) -> tuple[str, str] | None:
    """What the file is, and what to do with it; None for a kind that nothing is known of.

    The content decides where it can: a file from Word 97 is one under any name.

    Example:
        >>> unread(b"\\x00\\x01", "minutes.odt")[0]
        'This is an OpenDocument text, which is not read.'
    """
    ending = _ending_of(data) or PurePosixPath(name.replace("\\", "/").lower()).suffix.lstrip(".")
    if ending not in _BY_ENDING:
        return None
    what, remedy = _BY_ENDING[ending]
    return f"This is {what}, which is not read.", remedy.replace("{1}", PurePosixPath(name.replace("\\", "/")).name)


def _ending_of(data: bytes) -> str:
    if data.startswith(OLE):
        return next((ending for stream, ending in _BY_STREAM if stream.encode("utf-16-le") in data), "")
    if data.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(BytesIO(data)) as archive:
                kind = archive.read("mimetype")[:100] if "mimetype" in archive.namelist() else b""
                return next((ending for mark, ending in _BY_MIMETYPE if mark in kind), "")
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
            return ""
    if data[4:8] == b"ftyp":
        return "heic" if data[8:12] in (b"heic", b"heix", b"mif1", b"avif") else "mp4"
    return next((ending for start, ending in _BY_START if data.startswith(start)), "")
