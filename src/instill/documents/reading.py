"""One source's bytes -> its format family and `Parsed`. Whatever goes wrong is a `DocumentError` in plain words."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from instill.common.extras import EXTRA_OF, how_to_install
from instill.documents.document import Page, Parsed
from instill.documents.format_detection import kind_of, looks_binary
from instill.documents.formats import ARCHIVE, BUILT_IN
from instill.documents.limits_before_parsing import check_content, check_size
from instill.documents.plugged import Formats
from instill.documents.reader_output_check import fault_of
from instill.documents.readers.job import Alive, Job, nothing
from instill.documents.text_decoding import Decoded
from instill.documents.unsupported_formats import OLE, unread
from instill.errors import DocumentError
from instill.settings import DocumentSettings


def read(
    data: bytes,
    *,
    name: str,
    settings: DocumentSettings,
    content_type: str = "",
    kind: str = "",
    alive: Alive = nothing,
    formats: Formats | None = None,
) -> tuple[str, Parsed]:
    """The format family and the canonical text with its structure.

    Args:
        data: the source's bytes.
        name: the file's name or address; its ending names the format.
        settings: limits, and what is done by OCR.
        content_type: what a web server or a mail said, e.g. "text/html; charset=utf-8".
        kind: the format family, where the caller knows it.
        alive: called now and then while a long file is read.
        formats: those in use; None: all that are installed.

    Raises:
        DocumentError: empty, too large, binary, encrypted, damaged, explosive, or without text.

    Example:
        >>> kind, parsed = read(b"# Guide\\n\\nHello.", name="guide.md", settings=DocumentSettings())
        >>> kind, parsed.title, parsed.headings[0].start
        ('markdown', 'Guide', 0)
    """
    formats = formats or Formats()
    try:
        check_size(len(data), settings)
        kind = kind or kind_of(data, name=name, content_type=content_type, formats=formats)
        check_before_parsing(data, name, kind, settings, formats)
        with _quiet():
            job = Job(data, name, kind, settings, _charset(content_type), alive)
            parsed = _with_encoding(reader_of(kind, formats)(job), job.encodings)
            if kind not in BUILT_IN:
                _check_plugged(parsed)
        return kind, _checked(parsed, kind, settings)
    except DocumentError as error:
        raise DocumentError(error.what, where=error.where or name, remedy=error.command) from error
    except MemoryError as error:
        raise DocumentError(
            f"Reading it takes more memory than the {settings.max_memory_mb:,.0f} MB that a file may take.",
            where=name,
            remedy="Split it, or raise max_memory_mb under [documents] in instill.toml.",
        ) from error
    except RecursionError as error:
        raise DocumentError(
            "The file is nested too deeply.", where=name, remedy="Flatten it, or exclude it."
        ) from error
    except ImportError as error:
        extra = formats[kind].extra or EXTRA_OF.get(str(error.name).partition(".")[0], "") if kind in formats else ""
        raise DocumentError(
            f"A package that reads {kind} files is missing: {error.name or error}.",
            where=name,
            remedy=how_to_install(extra),
        ) from error
    except Exception as error:  # a parser met something that it did not expect: the file's fault, not the run's
        if kind in formats and kind not in BUILT_IN:
            package = formats.package_of(kind)
            raise DocumentError(
                f"The plug-in that reads {kind} files failed ({type(error).__name__}: {_short(error)}).",
                where=name,
                remedy=f"Tell the authors of the package {package}, or turn it off (plugins.off in instill.toml)."
                if package
                else "Tell its authors.",
            ) from error
        raise DocumentError(
            f"The {kind} file is damaged or cannot be read ({type(error).__name__}: {_short(error)}).",
            where=name,
            remedy="Open it in its program, save it again or as PDF, and add that.",
        ) from error


def _check_plugged(parsed: Parsed) -> None:
    fault = fault_of(parsed)
    if fault:
        raise ValueError(f"of what it returned: {fault}")


def check_before_parsing(data: bytes, name: str, kind: str, settings: DocumentSettings, formats: Formats) -> None:
    """Refuse what is not read, with what to do instead; and what is encrypted, damaged or would explode.

    Raises:
        DocumentError: it is refused.
    """
    form = formats[kind].form if kind in formats else ""
    if form == "" or data.startswith(OLE) or (form == "text" and looks_binary(data)):
        found = unread(data, name)
        if found is not None:
            raise DocumentError(found[0], remedy=found[1])
    check_content(data, kind, settings, formats)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or "no details"


def _with_encoding(parsed: Parsed, encodings: Sequence[Decoded]) -> Parsed:
    """Another encoding than UTF-8 is metadata, and a guessed one is told."""
    other = next((found for found in encodings if found.encoding != "utf-8"), None)
    if other is None:
        return parsed
    notice = f"It names no encoding and is not UTF-8; it was read as {other.encoding}."
    return replace(
        parsed,
        metadata={**parsed.metadata, "encoding": other.encoding},
        notices=(*parsed.notices, notice) if other.guessed else parsed.notices,
    )


def _charset(content_type: str) -> str:
    for part in content_type.split(";")[1:]:
        key, _, value = part.partition("=")
        if key.strip().lower() == "charset":
            return value.strip().strip("\"'")
    return ""


def _checked(parsed: Parsed, kind: str, settings: DocumentSettings) -> Parsed:
    if not parsed.text.strip():
        scan = kind in ("pdf", "image")
        raise DocumentError(
            "There is no text in it.",
            remedy='If it is a scan, set ocr = "always" under [documents]; else exclude it.'
            if scan
            else "Write something into it, or exclude it.",
        )
    if len(parsed.text) > settings.max_text_mb * 1024**2:
        raise DocumentError(
            f"Its text has {len(parsed.text) / 1024**2:,.0f} MB; the limit is {settings.max_text_mb:,.0f} MB.",
            remedy="Split it, or raise max_text_mb under [documents] in instill.toml.",
        )
    size = len(parsed.text)
    return replace(
        parsed,
        title=" ".join(parsed.title.split())[:300],
        headings=tuple(sorted(parsed.headings, key=lambda heading: heading.start)),
        blocks=tuple(sorted(parsed.blocks, key=lambda block: block.start)),
        pages=tuple(Page(page.number, min(page.start, size), min(page.end, size)) for page in parsed.pages),
        notices=tuple(parsed.notices),
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No warnings and no log lines of the libraries that read."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def reader_of(kind: str, formats: Formats | None = None) -> Callable[[Job], Parsed]:
    """Who reads a format; imported on first use, so that a folder of text loads no office library.

    Raises:
        DocumentError: nobody.
    """
    formats = formats or Formats()
    if kind == ARCHIVE:
        raise DocumentError("Archives are not opened.", remedy="Unpack it, and add the folder.")
    if kind not in formats:
        known = f"Known kinds: {', '.join(BUILT_IN)}."
        raise DocumentError(f"There is no reader for {kind!r}.", remedy=f"{known} More: instill plugins")
    reader = formats[kind].reader
    if not isinstance(reader, str):
        return reader
    module, _, function = reader.partition(":")
    found: Callable[[Job], Parsed] = getattr(importlib.import_module(f"instill.documents.readers.{module}"), function)
    return found
