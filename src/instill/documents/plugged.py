"""The formats that are in use: the built-in ones, and those of installed packages, loaded when a file needs one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import PurePosixPath
from typing import get_args

from instill.documents.formats import ARCHIVE, BUILT_IN, Form, Format
from instill.plugins import Group, Plugin

_ENDING = re.compile(r"[a-z0-9_+-]{1,20}")
_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")


def checked_format(found: object) -> Format:
    """What a package declares as a reader, as what it must be.

    Raises:
        TypeError: it is no `Format`, or a part of it is not what it should be.
        ValueError: it takes something that a built-in format has.
    """
    if not isinstance(found, Format):
        raise TypeError(f"it is a {type(found).__name__}, not an instill.documents.formats.Format")
    if not callable(found.reader):
        raise TypeError("its reader is not a function")
    if not isinstance(found.name, str) or not _ENDING.fullmatch(found.name):
        raise TypeError("its name is not made of lower-case letters and digits")
    if found.form not in get_args(Form):
        raise TypeError(f"its form is not one of {', '.join(get_args(Form))}")
    for noun, values in (("endings", found.endings), ("names", found.names), ("types", found.types)):
        if not isinstance(values, tuple) or not all(isinstance(each, str) and each for each in values):
            raise TypeError(f"its {noun} are not a tuple of texts")
    if not all(map(_ENDING.fullmatch, found.endings)):
        raise TypeError("its endings are not lower-case letters and digits without a dot")
    if not all(map(_TYPE.fullmatch, found.types)):
        raise TypeError("its types are not media types in lower case")
    if not isinstance(found.starts, tuple) or not all(
        isinstance(each, bytes) and len(each) > 1 for each in found.starts
    ):
        raise TypeError("its starts are not a tuple of bytes, two at least each")
    if not (found.endings or found.names or found.types or found.starts):
        raise TypeError("nothing tells which files are of this format")
    return found


def _claims(found: Format) -> Iterator[str]:
    yield f"the format {found.name}"
    yield from (f"files that end in .{each}" for each in found.endings)
    yield from (f"files called {each}" for each in found.names)
    yield from (f"the media type {each}" for each in found.types)
    yield from (f"files that begin with {each!r}" for each in found.starts)


READERS = Group(
    "readers",
    check=checked_format,
    built_in=lambda: [*BUILT_IN, ARCHIVE],
    claims=_claims,
    claimed=lambda: {claim for each in BUILT_IN.values() for claim in _claims(each)},
    about="formats of documents",
)


class Formats:
    """The formats in use. A file of a built-in format never makes a plug-in be imported.

    Args:
        off: as in `plugins.off`.
        more: formats that no package declares, beside those that packages do.

    Example:
        >>> formats = Formats()
        >>> formats.by_name("handbook.PDF"), formats.by_name("Makefile"), formats.by_name("photo.heic")
        ('pdf', 'code', '')
        >>> formats.by_type("text/html; charset=utf-8"), formats["docx"].form
        ('html', 'archive')
    """

    def __init__(self, off: Sequence[str] = (), *, more: Sequence[Format] = ()) -> None:
        self.off = tuple(off)
        self._more = {each.name: each for each in more}

    def __getitem__(self, kind: str) -> Format:
        """The format of this name.

        Raises:
            KeyError: there is none.
        """
        return BUILT_IN.get(kind) or self._plugged[kind]

    def __contains__(self, kind: str) -> bool:
        return kind in BUILT_IN or kind in self._plugged

    def by_name(self, name: str) -> str:
        """The built-in format that a file's name claims, or ""."""
        last, ending = _parts(name)
        return _NAMES.get(last) or _ENDINGS.get(ending, "")

    def by_type(self, content_type: str) -> str:
        """The built-in format that a server's or a mail's content type claims, or ""."""
        mime = _media_type(content_type)
        return _TYPES.get(mime) or ("image" if mime.startswith("image/") and mime not in _NO_PICTURES else "")

    def by_start(self, data: bytes) -> str:
        """The built-in format that the first bytes prove, or ""."""
        return next((kind for start, kind in _STARTS if data.startswith(start)), "")

    def brought(self, data: bytes, *, name: str, content_type: str, inside: str) -> str:
        """The format of a plug-in that a file is of, or ""; for files that no built-in format takes.

        Args:
            inside: the media type that an archive names as its own, or "".
        """
        there = self._plugged.values()
        last, ending = _parts(name)
        ways: tuple[Callable[[Format], bool], ...] = (
            lambda each: inside in each.types,
            lambda each: data.startswith(each.starts),
            lambda each: last in each.names or ending in each.endings,
            lambda each: _media_type(content_type) in each.types,
        )
        return next((each.name for fits in ways for each in there if fits(each)), "")

    def package_of(self, kind: str) -> str:
        """The package that brings this format, or ""."""
        return next((each.entry.package for each in self._loaded if each.value and each.value.name == kind), "")

    @cached_property
    def _loaded(self) -> list[Plugin[Format]]:
        return READERS.load(off=self.off)

    @cached_property
    def _plugged(self) -> dict[str, Format]:
        return {each.value.name: each.value for each in self._loaded if each.value is not None} | self._more


def _parts(name: str) -> tuple[str, str]:
    path = PurePosixPath(name.replace("\\", "/").lower())
    return path.name, path.suffix.lstrip(".")


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


_ENDINGS = {ARCHIVE: ARCHIVE} | {ending: each.name for each in BUILT_IN.values() for ending in each.endings}
_NAMES = {name: each.name for each in BUILT_IN.values() for name in each.names}
_TYPES = {"application/zip": ARCHIVE} | {mime: each.name for each in BUILT_IN.values() for mime in each.types}
_STARTS = [(start, each.name) for each in BUILT_IN.values() for start in each.starts]
_NO_PICTURES = frozenset({"image/svg+xml"})
