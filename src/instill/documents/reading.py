"""One source's bytes -> its format family and `Parsed`. Whatever goes wrong is a `DocumentError` in plain words."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace

from instill.documents.decoding import decode
from instill.documents.document import Page, Parsed
from instill.documents.guard import check_content, check_size
from instill.documents.kinds import kind_of
from instill.errors import DocumentError
from instill.settings import DocumentSettings

Reader = Callable[[bytes, str, DocumentSettings, str], Parsed]
"""(bytes, name, settings, charset) -> Parsed."""


def read(
    data: bytes, *, name: str, settings: DocumentSettings, content_type: str = "", kind: str = ""
) -> tuple[str, Parsed]:
    """The format family and the canonical text with its structure.

    Args:
        data: the source's bytes.
        name: the file's name or address; its ending names the format.
        settings: limits, and what is done by OCR.
        content_type: what a web server or a mail said, e.g. "text/html; charset=utf-8"; used where the name says nothing.
        kind: the format family, where the caller knows it.

    Raises:
        DocumentError: empty, too large, binary, encrypted, damaged, explosive, or without text.

    Example:
        >>> kind, parsed = read(b"# Guide\\n\\nHello.", name="guide.md", settings=DocumentSettings())
        >>> kind, parsed.title, parsed.headings[0].start
        ('markdown', 'Guide', 0)
    """
    try:
        check_size(len(data), settings)
        kind = kind or kind_of(data, name=name, content_type=content_type)
        check_content(data, kind, settings)
        with _quiet():
            parsed = _READERS[kind](data, name, settings, _charset(content_type))
        return kind, _checked(parsed, settings)
    except DocumentError as error:
        raise DocumentError(error.what, where=error.where or name, remedy=error.remedy) from error
    except MemoryError as error:
        raise DocumentError(
            "Reading the file takes more memory than there is.", where=name, remedy="Split it."
        ) from error
    except RecursionError as error:
        raise DocumentError(
            "The file is nested too deeply.", where=name, remedy="Flatten it, or exclude it."
        ) from error
    except ImportError as error:
        raise DocumentError(
            f"A package that reads {kind} files is missing: {error.name or error}.",
            where=name,
            remedy="Run: instill doctor",
        ) from error
    except Exception as error:  # a parser met something that it did not expect: the file's fault, not the run's
        raise DocumentError(
            f"The {kind} file is damaged or uses something that cannot be read ({type(error).__name__}: {_short(error)}).",
            where=name,
            remedy="Open it in its program, save it again or as PDF, and add that.",
        ) from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or "no details"


def _charset(content_type: str) -> str:
    for part in content_type.split(";")[1:]:
        key, _, value = part.partition("=")
        if key.strip().lower() == "charset":
            return value.strip().strip("\"'")
    return ""


def _checked(parsed: Parsed, settings: DocumentSettings) -> Parsed:
    if not parsed.text.strip():
        raise DocumentError(
            "There is no text in it.", remedy='If it is a scan, set ocr = "always" under [documents]; else exclude it.'
        )
    if len(parsed.text) > settings.max_text_mb * 1024**2:
        raise DocumentError(
            f"Its text has {len(parsed.text) / 1024**2:,.0f} million characters; the limit is {settings.max_text_mb:,.0f}.",
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


# Each of these imports its reader when it is needed: a folder of text files loads no PDF and no office library.


def _text(data: bytes, name: str, settings: DocumentSettings, charset: str) -> Parsed:
    from instill.documents.readers.text import read_text

    return read_text(decode(data, charset=charset))


def _markdown(data: bytes, name: str, settings: DocumentSettings, charset: str) -> Parsed:
    from instill.documents.readers.markdown import read_markdown

    return read_markdown(decode(data, charset=charset))


def _html(data: bytes, name: str, settings: DocumentSettings, charset: str) -> Parsed:
    from instill.documents.readers.html import decode_html, read_html

    return read_html(decode_html(data, charset))


def _pdf(data: bytes, name: str, settings: DocumentSettings, charset: str) -> Parsed:
    from instill.documents.readers.pdf import read_pdf

    return read_pdf(data, ocr=settings.ocr)


def _image(data: bytes, name: str, settings: DocumentSettings, charset: str) -> Parsed:
    if settings.ocr == "never":
        raise DocumentError("It is an image, and OCR is off.", remedy='Set ocr = "auto" under [documents].')
    from instill.documents.readers.image import read_image

    return read_image(data)


_READERS: dict[str, Reader] = {
    "text": _text,
    "code": _text,
    "rst": _text,
    "markdown": _markdown,
    "html": _html,
    "pdf": _pdf,
    "image": _image,
}
