"""Packages that only some work needs: which extra of the installation brings each."""

from __future__ import annotations

import shlex
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from instill.common.package_origin import local_origin
from instill.errors import MissingDependency

EXTRA_OF = {
    "rapidocr_onnxruntime": "ocr", "duckdb": "sql", "onnx": "encoders", "psycopg": "postgres", "ray": "ray",
    "ray.serve": "ray-serve", "obstore": "s3", "torch": "train", "transformers": "train", "accelerate": "train",
    "peft": "train", "trl": "train", "psutil": "train", "sentence_transformers": "train", "jsonschema": "train",
    "gguf": "train", "xllamacpp": "local", "qdrant_client": "qdrant", "chromadb": "chroma", "pymilvus": "milvus",
    "opensearchpy": "opensearch", "weaviate": "weaviate", "pinecone": "pinecone",
}  # fmt: skip
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


def missing(error: BaseException) -> MissingDependency | None:
    """What to install, if the error is that a module of an extra could not be found; else None.

    Example:
        >>> found = missing(ModuleNotFoundError("No module named 'torch'", name="torch"))
        >>> found.what, found.where
        ('This needs the extra [train].', 'torch')
        >>> missing(ModuleNotFoundError("No module named 'jsn'", name="jsn")) is None
        True
    """
    module = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    extra = EXTRA_OF.get(module)
    if extra is None:
        return None
    return MissingDependency(f"This needs the extra [{extra}].", where=module, remedy=how_to_install(extra))


@contextmanager
def extras_named() -> Iterator[None]:
    """Inside, a module of an extra that cannot be found raises `MissingDependency`, which says what to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        known = missing(error)
        if known is None:
            raise
        raise known from error


def how_to_install(extra: str) -> str:
    """The command that adds an extra: with the tool that Instill was installed with (pip, or uv as a tool), and from
    where it was installed (a clone, a wheel, or a package index).

    Example:
        >>> how_to_install("ocr").startswith("Run: pip install")
        True
    """
    receipt = Path(sys.prefix) / "uv-receipt.toml"
    with_uv = receipt.is_file()  # `uv tool install` makes an environment without pip
    there, beside = _of_the_tool(receipt) if with_uv else ([], [])
    extras = ",".join(sorted({*there, extra} if extra else {extra}))
    wanted, pinned = _requirement(f"[{extras}]" if extras else "")
    if wanted == "instill":
        return "Run: uv tool upgrade instill" if with_uv else "Run: pip install --upgrade instill"
    command = ["uv", "tool", "install"] if with_uv else ["pip", "install"]
    if pinned:
        command += ["--constraints" if with_uv else "-c", shlex.quote(pinned)]
    for each in beside:
        command += ["--with", shlex.quote(each)]
    return " ".join(["Run:", *command, shlex.quote(wanted)])


def _of_the_tool(receipt: Path) -> tuple[list[str], list[str]]:
    """The extras that a tool of uv has, and what was installed with it: uv makes the tool anew, without what is not
    named again."""
    try:
        found = tomllib.loads(receipt.read_text(encoding="utf-8"))["tool"]["requirements"]
        own = [each for each in found if each["name"] == "instill"]
        beside = [each for each in found if each["name"] != "instill"]
        extras = [str(extra) for each in own for extra in each.get("extras", ())]
        return extras, [
            str(next((each[kind] for kind in ("directory", "editable", "path", "url", "git") if kind in each), ""))
            or f"{each['name']}{each.get('specifier', '')}"
            for each in beside
        ]
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ):  # a receipt of another uv: only the new extra is named
        return [], []


def _requirement(extra: str) -> tuple[str, str]:
    """What an installer is told to install this Instill again with an extra, and the file of the versions that it is
    tested with: "" unless it was installed from a clone. An extra may have a file of its own, where its client needs
    other versions.
    """
    try:
        origin = local_origin(distribution("instill"))
    except PackageNotFoundError:
        origin = None
    if origin is None:
        return f"instill{extra}", ""
    path, _ = origin
    if not path.is_dir():  # a wheel
        return f"instill{extra} @ {path.as_uri()}", ""
    own = (path / f"constraints-{name}.txt" for name in extra.strip("[]").split(",") if name)
    pinned = next((file for file in (*own, path / "constraints.txt") if file.is_file()), None)
    return f"{path}{extra}", "" if pinned is None else str(pinned)
