"""TOML files with a type for every key: reading them, writing values, and saying what is wrong in a way that helps."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from instill.common.value_mistakes import mistake
from instill.errors import UsageError

_TWICE = re.compile(r"Cannot declare \((.*?)\) twice \(at (line \d+)")


def read_toml(path: Path, noun: str) -> dict[str, Any]:
    """The values of a TOML file.

    Args:
        noun: what the file is, for the error: "settings file".

    Raises:
        UsageError: it cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"The {noun} cannot be read: {error.strerror}.", where=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        twice = _TWICE.match(str(error))
        if twice:
            name = ".".join(re.findall(r"'([^']*)'", twice[1]))
            raise UsageError(
                f"The section [{name}] stands twice in the {noun}.",
                where=f"{path}: {twice[2]}",
                remedy="Put the values of both into one of them.",
            ) from error
        raise UsageError(f"The {noun} is not valid TOML: {error}.", where=str(path)) from error


def explained(error: ValidationError, place: object, known: Iterable[str], otherwise: str, *above: str) -> UsageError:
    """The first mistake that the types found, as an error that names the key and, where it is unknown, the nearest.

    Args:
        place: the file, or where else the values come from.
        known: all keys, with their sections: "search.pool".
        otherwise: the remedy when no key is near.
        above: sections that the checked model stands in.
    """
    first = error.errors()[0]
    key = ".".join((*above, *(str(part) for part in first["loc"])))
    where = f"{place}: {key}" if key else str(place)
    if first["type"] == "extra_forbidden":
        return UsageError("This is not a setting.", where=where, remedy=suggested(key, known, otherwise))
    return UsageError(f"This setting {mistake(first)}.", where=where)


def suggested(name: str, known: Iterable[str], otherwise: str) -> str:
    """A question that names the nearest of the known keys.

    Example:
        >>> suggested("serach.pool", ["search.pool", "answer.reader"], "See the docs.")
        'Did you mean search.pool?'
        >>> suggested("colour", ["search.pool"], "See the docs.")
        'See the docs.'
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"Did you mean {near[0]}?" if near else otherwise


def toml_value(value: object) -> str:
    """A value as TOML.

    Example:
        >>> toml_value(["a", True, 0.25])
        '["a", true, 0.25]'
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if isinstance(value, list):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)
