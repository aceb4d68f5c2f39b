"""What a program passes to a workspace, checked where it comes in: a mistake is told before anything is done.

Python lets a text stand where several were meant, and then goes through its letters. Here a text counts as one, and
what is neither text nor several is refused.
"""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar, get_args

from instill.answer.longest_question import check_length
from instill.errors import UsageError

T = TypeVar("T")

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
Labels = str | Iterable[str] | None
"""What a caller holds: one label, several, or None for the owner, who sees all."""

AskMode = Literal["auto", "extractive", "clusters"]

_KEY = re.compile(r"[a-z][a-z0-9_]{0,99}", re.IGNORECASE)
MOST_HITS = 10_000
_LONGEST_NAME = 255
"""Bytes of the name of a file or folder; of common file systems none allows more."""


def paths_of(paths: Any, name: str = "paths", *, on_disk: bool = False) -> list[str]:
    """One path or several as texts.

    Args:
        on_disk: they lead to files, and are not only names of documents.

    Raises:
        UsageError: it is neither, there is none, or one is empty.

    Example:
        >>> from pathlib import Path
        >>> paths_of("tea.md"), paths_of(Path("notes")), paths_of(["a.md", Path("b.md")])
        (['tea.md'], ['notes'], ['a.md', 'b.md'])
        >>> paths_of(b"tea.md")
        Traceback (most recent call last):
        ...
        instill.errors.UsageError: This is not a path. (paths: b'tea.md') Pass a text, a Path, or several of them.
    """
    found = [_path(each, name) for each in _several(paths, name, (str, os.PathLike), "path", "a text, a Path")]
    if not found:
        raise UsageError("No path was given.", where=name, remedy="Pass a text, a Path, or several of them.")
    return [_on_disk(each, name) for each in found] if on_disk else found


def path_of(path: Any, name: str = "path") -> str:
    """One path as a text.

    Raises:
        UsageError: it is no path, is empty, or no file system can have it.

    Example:
        >>> path_of("tea.md")
        'tea.md'
        >>> path_of(5)
        Traceback (most recent call last):
        ...
        instill.errors.UsageError: This is not a path. (path: 5) Pass a text or a Path.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise UsageError("This is not a path.", where=f"{name}: {_seen(path)}", remedy="Pass a text or a Path.")
    return _on_disk(_path(path, name), name)


def labels_of(labels: Any) -> tuple[str, ...] | None:
    """One label or several; None stays None, which is the owner.

    Raises:
        UsageError: it is neither, or one is empty.

    Example:
        >>> labels_of("staff"), labels_of({"hr"}), labels_of([]), labels_of(None)
        (('staff',), ('hr',), (), None)
    """
    if labels is None:
        return None
    return tuple(
        text_of(each, "labels", what="A label is empty.", remedy='Pass labels that say something, e.g. "staff".')
        for each in _several(labels, "labels", (str,), "label", "a text")
    )


def text_of(value: Any, name: str, *, what: str = "", remedy: str = "") -> str:
    """A text that says something.

    Args:
        what: what is said where it is empty; "The NAME is empty." by default.

    Raises:
        UsageError: it is no text, is empty, or holds what cannot be stored as UTF-8.
    """
    if not isinstance(value, str):
        raise UsageError("This is not a text.", where=f"{name}: {_seen(value)}", remedy=remedy or "Pass a text.")
    if not value.strip():
        raise UsageError(what or f"The {name} is empty.", where=name, remedy=remedy)
    return utf8(value, name)


def query_of(value: Any, name: str, remedy: str) -> str:
    """A question or a query.

    Args:
        remedy: for who asks nothing.

    Raises:
        UsageError: it is no text, is empty, or too long.
    """
    query = text_of(value, name, remedy=remedy)
    check_length(query, name)
    return query


def utf8(value: Any, name: str) -> str:
    """A text, which may be empty, of characters that can be stored.

    Raises:
        UsageError: it is no text, or holds half of a character.
    """
    if not isinstance(value, str):
        raise UsageError("This is not a text.", where=f"{name}: {_seen(value)}", remedy="Pass a text.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            "This text is not valid UTF-8.", where=f"{name}: {_seen(value)}", remedy="Check how it was read or typed."
        ) from error
    return value


def one_of(value: Any, choices: Any, name: str, what: str) -> Any:
    """`value`, which is one of the texts of a `Literal` type.

    Raises:
        UsageError: it is none of them.
    """
    known = get_args(choices)
    if value in known:
        return value
    raise UsageError(what, where=f"{name}: {_seen(value)}", remedy=f"Known are: {', '.join(known)}.")


def count_of(value: Any, name: str, most: int = MOST_HITS) -> int:
    """A whole number from 1 to `most`.

    Raises:
        UsageError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise UsageError("This is not a valid count.", where=f"{name}: {_seen(value)}", remedy=f"Pass 1 to {most:,}.")
    return value


def whole_of(value: Any, name: str) -> int:
    """A whole number, of any size.

    Raises:
        UsageError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(
            "This is not a whole number.", where=f"{name}: {_seen(value)}", remedy="Pass a whole number, e.g. 0."
        )
    return value


def several_of(values: Any, kind: type[T], name: str, what: str) -> list[T]:
    """Several objects of a class.

    Raises:
        UsageError: it is something else, or one is of another class.
    """
    found = list(_several(values, name, (), what, f"several {kind.__name__}"))
    for each in found:
        if not isinstance(each, kind):
            raise UsageError(
                f"This is not a {what}.", where=f"{name}: {_seen(each)}", remedy=f"Pass several {kind.__name__}."
            )
    return found


def metadata_of(metadata: Any) -> dict[str, Any]:
    """Fields of a document: names to texts, numbers, True and False; names are stored in small letters.

    Raises:
        UsageError: it is no mapping, a name is none that a filter can name, or a value is something else.

    Example:
        >>> metadata_of({"Year": 2024})
        {'year': 2024}
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise UsageError(
            "Metadata must be names with values.", where=_seen(metadata), remedy='Pass for example {"year": 2024}.'
        )
    for key, value in metadata.items():
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise UsageError(
                "This is not a valid field name.",
                where=f"metadata: {_seen(key)}",
                remedy="Begin with a letter, and use letters, digits and _ only.",
            )
        if not isinstance(value, (str, int, float, bool)) or not _can_be_kept(value):
            raise UsageError(
                "A field holds a text, a number, True or False.",
                where=f"metadata: {key} = {_seen(value)}",
                remedy="Pass one of these.",
            )
        if isinstance(value, str):
            utf8(value, f"metadata: {key}")
    return {key.lower(): value for key, value in metadata.items()}


def _can_be_kept(value: str | float) -> bool:
    """Not infinity, not what is no number, and no whole number that takes more than 64 bits."""
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return isinstance(value, str) or math.isfinite(value)


def turns_of(history: Any) -> Sequence[Any]:
    """The turns of a conversation, oldest first.

    Raises:
        UsageError: it is something else than several `Turn`.
    """
    from instill.answer.types import Turn

    found = list(_several(history, "history", (), "turn", "several Turn")) if history is not None else []
    for each in found:
        if not isinstance(each, Turn):
            raise UsageError(
                "This is not a turn of a conversation.",
                where=f"history: {_seen(each)}",
                remedy='Pass Turn("user", "...") and Turn("assistant", "...").',
            )
    return found


def _several(value: Any, name: str, single: tuple[type, ...], what: str, pass_this: str) -> Iterable[Any]:
    if single and isinstance(value, single):
        return [value]
    odd = isinstance(value, (str, bytes, bytearray, memoryview, Mapping, io.IOBase)) or not isinstance(value, Iterable)
    found = () if odd else list(value)
    wrong = [value] if odd else [each for each in found if single and not isinstance(each, single)]
    for each in wrong[:1]:
        several = "" if "several" in pass_this else ", or several of them"
        raise UsageError(f"This is not a {what}.", where=f"{name}: {_seen(each)}", remedy=f"Pass {pass_this}{several}.")
    return found


def _path(value: Any, name: str) -> str:
    path = os.fspath(value)
    if not isinstance(path, str):
        raise UsageError(
            "This is not a path.", where=f"{name}: {_seen(value)}", remedy="Pass a path of text, not of bytes."
        )
    if not path.strip():
        # Not the folder that one happens to be in: nobody means that by an empty text.
        raise UsageError("A path is empty.", where=name, remedy='For the folder that you are in, pass ".".')
    if "\0" in path:
        raise UsageError(
            "A path cannot contain a null byte.", where=f"{name}: {_seen(value)}", remedy="Check the path."
        )
    return path


def _on_disk(path: str, name: str) -> str:
    """The path, if a file system can have it."""
    try:
        parts = os.fsencode(path).split(b"/")
    except UnicodeEncodeError as error:
        raise UsageError(
            "This path is not valid text.", where=f"{name}: {_seen(path)}", remedy="Check how it was read or typed."
        ) from error
    if "://" not in path and max(map(len, parts)) > _LONGEST_NAME:
        raise UsageError(
            f"A name in this path has more than {_LONGEST_NAME} bytes, which no file system allows.",
            where=f"{name}: {_seen(path)}",
            remedy="Check the path; to add a text, use add_text.",
        )
    return path


def _seen(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:79] + "…"
