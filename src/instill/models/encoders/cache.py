"""The per-user cache of what was exported or got: a folder an entry, complete or absent.

An entry is made in a temporary folder beside its place and renamed into it, so that a reader never sees half an
entry and two processes may make the same one at once (the later one discards its copy).

What a manifest guarantees: on opening, the size and modification time of each file are compared with those recorded
when it was written; if they differ, its sha256 decides. This notices truncated, damaged and replaced files. It does
not protect against someone who can write to the cache and also rewrites the manifest; such a person can already act
as the user.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from instill.errors import WorkspaceError
from instill.settings.location import expanded

MANIFEST = "manifest.json"

_STALE_S = 24 * 3600.0


def cache_root() -> Path:
    """The cache folder: `$INSTILL_CACHE_DIR`, else the platform's place for caches with `instill` below it."""
    chosen = os.environ.get("INSTILL_CACHE_DIR")
    if chosen:
        return expanded(chosen).absolute()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "instill" / "cache"
    base = os.environ.get("XDG_CACHE_HOME")
    # The XDG rule: a relative path is to be ignored.
    return (Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache") / "instill"


def file_sha256(path: Path) -> str:
    """sha256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def open_entry(name: str, *, shelf: str = "encoders") -> tuple[Path, dict[str, Any]] | None:
    """The folder and the manifest of a cache entry, or None when it is absent or its files are not as recorded."""
    folder = cache_root() / shelf / name
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
        files: dict[str, dict[str, Any]] = manifest["files"]
        intact = bool(files) and all(_is_as_recorded(folder / key, entry) for key, entry in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return (folder, manifest) if intact else None


def make_entry(
    name: str, build: Callable[[Path], dict[str, Any]], *, shelf: str = "encoders"
) -> tuple[Path, dict[str, Any]]:
    """Make a cache entry: `build` writes files into the folder it is given and returns what the manifest should hold.

    Raises:
        WorkspaceError: the cache cannot be written (no permission, disk full), or the entry is damaged and cannot be
            replaced.
    """
    parent = cache_root() / shelf
    target = parent / name
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        draft = Path(tempfile.mkdtemp(prefix=f".{name[:40]}-", dir=parent))
    except OSError as error:
        raise _unwritable(parent, error) from error
    try:
        content = build(draft)
        manifest = {**content, "files": {path.name: _record(path) for path in sorted(draft.iterdir())}}
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")
        draft.chmod(0o755)  # mkdtemp's 0700 would hide a shared cache from other users.
        _move_into_place(draft, target, name, shelf)
    except OSError as error:
        raise _unwritable(parent, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    made = open_entry(name, shelf=shelf)
    if made is None:
        raise WorkspaceError(
            "What was written to the cache could not be read back.",
            where=str(target),
            remedy="Remove that folder and try again.",
        )
    return made


def _sweep(shelf: Path) -> None:
    """Remove what killed processes have left: drafts in which nothing was written for a day."""
    for left in shelf.glob(".*-*"):
        with suppress(OSError):  # another process removes it at the same moment
            newest = max((each.stat().st_mtime for each in (left, *left.rglob("*"))), default=0.0)
            if left.is_dir() and time.time() - newest > _STALE_S:
                shutil.rmtree(left, ignore_errors=True)


def _move_into_place(draft: Path, target: Path, name: str, shelf: str) -> None:
    try:
        draft.rename(target)
    except OSError:
        if open_entry(name, shelf=shelf) is not None:  # Another process was first.
            return
        if not target.exists():
            raise
        # A damaged entry: step aside rather than delete, so that the name is free in one atomic step.
        aside = Path(tempfile.mkdtemp(prefix=".damaged-", dir=target.parent))
        target.rename(aside / "entry")
        shutil.rmtree(aside, ignore_errors=True)
        draft.rename(target)


def _record(path: Path) -> dict[str, Any]:
    status = path.stat()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": file_sha256(path)}


def _is_as_recorded(path: Path, entry: dict[str, Any]) -> bool:
    status = path.stat()
    if status.st_size != entry["size"]:
        return False
    return bool(status.st_mtime_ns == entry["mtime_ns"]) or file_sha256(path) == entry["sha256"]


def _unwritable(place: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(
        f"The cache cannot be written: {error.strerror or error}.",
        where=str(place),
        remedy="Free some space or permissions there, or set INSTILL_CACHE_DIR to another folder.",
    )
