"""The one table of formats: how each is recognised, what is checked before it is read, and who reads it.

A package may bring more (`instill.documents.plugged`). Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from instill.documents.document import Parsed
    from instill.documents.readers.job import Job

Form = Literal["text", "archive", "binary"]
"""What the bytes are, and so what is checked before a reader gets them: text, which must not be binary; a ZIP archive,
which must not be encrypted, explosive or declare entities; anything else, of which only the size is checked."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format that is read.

    Args:
        name: the `kind` of its documents, e.g. "pdf"; lower-case letters and digits.
        reader: makes `Parsed` of a `Job`. Built-in ones are named as "module:function" under
            `instill.documents.readers` and imported when they are needed.
        form: see `Form`.
        endings: of file names, without the dot, in lower case.
        names: whole file names, in lower case.
        types: media types as servers and mails tell them, in lower case.
        starts: first bytes that prove it, whatever the file is called.
        in_process: whether small files may be read in the caller's process: a reader in Python, which cannot crash it.
            Readers of plug-ins always run in a process of their own.
        own_lines: whether the lines of the text are those of the file, so that a citation may name them.
        extra: the extra of the package that its reader needs, e.g. "ocr"; "" for none.

    Example:
        >>> BUILT_IN["pdf"].endings, BUILT_IN["docx"].form, BUILT_IN["markdown"].own_lines
        (('pdf',), 'archive', True)
    """

    name: str
    reader: str | Callable[[Job], Parsed]
    form: Form = "binary"
    endings: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    starts: tuple[bytes, ...] = ()
    in_process: bool = False
    own_lines: bool = False
    extra: str = ""


_CODE = (
    "py pyi pyx js mjs cjs jsx ts tsx java kt kts scala groovy c h cc cpp cxx hpp hh hxx m mm cs fs vb go rs rb "
    "php pl pm lua r jl swift dart ex exs erl hrl hs ml mli clj cljs lisp el scm sql sh bash zsh fish ps1 bat cmd "
    "yaml yml toml ini cfg conf properties env css scss sass less vue svelte tf hcl proto graphql gql cmake mk "
    "gradle dockerfile makefile nix zig nim v sv vhd asm s f f90 f95 for pas d tcl awk sed vim bib sty bzl "
    "patch diff gitignore editorconfig"
)
_CODE_NAMES = "dockerfile makefile gnumakefile jenkinsfile rakefile gemfile cmakelists.txt"
_OFFICE = "application/vnd.openxmlformats-officedocument"


def _format(
    name: str,
    reader: str,
    form: Form,
    endings: str,
    *types: str,
    names: str = "",
    starts: tuple[bytes, ...] = (),
    in_process: bool = False,
    own_lines: bool = False,
    extra: str = "",
) -> Format:
    return Format(
        name, reader, form, tuple(endings.split()), tuple(names.split()), types, starts, in_process, own_lines, extra
    )


_ALL = (
    _format(
        "text", "text:read_plain", "text", "txt text log me 1st adoc asciidoc org tex lock",
        in_process=True, own_lines=True,
    ),
    _format(
        "markdown", "markdown:read_markdown_file", "text", "md markdown mdown mkd mdx qmd rmd",
        "text/markdown", "text/x-markdown", in_process=True, own_lines=True,
    ),
    _format("rst", "rst:read_rst", "text", "rst rest", "text/x-rst", in_process=True, own_lines=True),
    _format("html", "html:read_html_file", "text", "html htm xhtml", "text/html", "application/xhtml+xml"),
    _format("pdf", "pdf:read_pdf", "binary", "pdf", "application/pdf", starts=(b"%PDF-",)),
    _format("docx", "word:read_docx", "archive", "docx", f"{_OFFICE}.wordprocessingml.document"),
    _format("pptx", "slides:read_pptx", "archive", "pptx", f"{_OFFICE}.presentationml.presentation"),
    _format("xlsx", "spreadsheets:read_xlsx", "archive", "xlsx xlsm", f"{_OFFICE}.spreadsheetml.sheet"),
    _format("xls", "spreadsheets:read_xls", "binary", "xls", "application/vnd.ms-excel"),
    _format("epub", "epub:read_epub", "archive", "epub", "application/epub+zip"),
    _format(
        "csv", "delimited:read_csv", "text", "csv tsv tab", "text/csv", "text/tab-separated-values", in_process=True
    ),
    _format(
        "json", "records:read_json", "text", "json geojson webmanifest", "application/json", "application/ld+json",
        in_process=True,
    ),
    _format(
        "jsonl", "records:read_jsonl", "text", "jsonl ndjson", "application/x-ndjson", "application/jsonl",
        in_process=True,
    ),
    _format("notebook", "records:read_notebook", "text", "ipynb", "application/x-ipynb+json", in_process=True),
    _format("email", "mail:read_mail", "text", "eml", "message/rfc822"),
    _format("msg", "outlook_message:read_msg", "binary", "msg", "application/vnd.ms-outlook"),
    _format(
        "xml", "xml:read_xml", "text", "xml rss atom rdf opml xsd wsdl",
        "application/xml", "text/xml", "application/rss+xml", "application/atom+xml",
    ),
    _format("rtf", "rtf:read_rtf", "binary", "rtf", "application/rtf", "text/rtf", starts=(b"{\\rtf",)),
    _format(
        "image", "image:read_image", "binary", "png jpg jpeg jpe gif bmp tif tiff webp",
        starts=(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*"),
        extra="ocr",
    ),
    _format("code", "code:read_code", "text", _CODE, names=_CODE_NAMES, in_process=True, own_lines=True),
)  # fmt: skip

BUILT_IN = {each.name: each for each in _ALL}

ARCHIVE = "zip"
"""The kind of an archive of no format that is read: it is refused, with what to do."""


def ending_of_type(media_type: str) -> str:
    """The usual ending of a file of this media type, or "".

    Example:
        >>> ending_of_type("application/pdf"), ending_of_type("text/plain"), ending_of_type("audio/wav")
        ('pdf', 'txt', '')
    """
    if media_type == "text/plain":
        return "txt"
    return next((each.endings[0] for each in _ALL if media_type in each.types), "")
