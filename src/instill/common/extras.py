"""Packages that only some work needs: which extra of the installation brings each."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from instill.errors import MissingDependency

EXTRA_OF = {"rapidocr_onnxruntime": "ocr", "duckdb": "sql", "onnx": "encoders", "psycopg": "postgres", "ray": "ray"}
"""Module -> extra."""


def is_installed(module: str) -> bool:
    """Whether a module could be imported; nothing is imported.

    Example:
        >>> is_installed("json"), is_installed("no_such_module_here")
        (True, False)
    """
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # a module that is there and set to nothing
        return False


def needed(module: str, work: str) -> Any:
    """The module, imported.

    Args:
        work: what needs it, as a sentence: "SQL needs DuckDB."

    Raises:
        MissingDependency: it is not installed; the remedy names the extra.

    Example:
        >>> needed("json", "This needs JSON.").dumps([1])
        '[1]'
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDependency(work, where=module, remedy=how_to_install(EXTRA_OF.get(module, ""))) from error


def how_to_install(extra: str) -> str:
    """The command that adds an extra, with the tool that Instill was installed with: pip, or uv as a tool.

    Example:
        >>> how_to_install("ocr")
        "Run: pip install 'instill[ocr]'"
    """
    if (Path(sys.prefix) / "uv-receipt.toml").is_file():  # `uv tool install` makes an environment without pip
        return f"Run: uv tool install 'instill[{extra}]'" if extra else "Run: uv tool upgrade instill"
    return f"Run: pip install 'instill[{extra}]'" if extra else "Run: pip install --upgrade instill"
