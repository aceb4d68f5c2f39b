"""TOML files: reading one, and writing a value."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from instill.errors import UsageError

_TWICE = re.compile(r"Cannot declare \((.*?)\) twice \(at (line \d+)")


_CORRECT = "Correct the file; each line is a [section], or a key = value."


def read_toml(path: Path, noun: str, *, begin: str = "") -> dict[str, Any]:
    """The values of a TOML file.

    Args:
        noun: what the file is, for the error: "settings file".
        begin: how somebody gets such a file, for the error where it is JSON.

    Raises:
        UsageError: it cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(
            f"The {noun} cannot be read: {error.strerror}.",
            where=str(path),
            remedy="Name a TOML file that can be read.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        twice = _TWICE.match(str(error))
        if twice:
            name = ".".join(re.findall(r"'([^']*)'", twice[1]))
            raise UsageError(
                f"The section [{name}] stands twice in the {noun}.",
                where=f"{path}: {twice[2]}",
                remedy="Put the values of both into one of them.",
            ) from error
        if _is_json(path):
            raise UsageError(
                f"The {noun} has to be TOML, and this file is JSON.", where=str(path), remedy=begin or _CORRECT
            ) from error
        raise UsageError(f"The {noun} is not valid TOML: {error}.", where=str(path), remedy=_CORRECT) from error


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return True


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
