"""The hash of a model's folder, remembered while its files keep their sizes and times."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from instill.common.durable_files import in_place_of
from instill.models.encoders.cache import cache_root, file_sha256
from instill.models.encoders.sentence_transformers_folder import SentenceFolder


def folder_hash(folder: SentenceFolder) -> str:
    """sha256 over every file that decides the vectors, hexadecimal."""
    return files_hash(folder.path, _files(folder))


def files_hash(folder: Path, files: Sequence[Path]) -> str:
    """sha256 over names and contents of `files`, hexadecimal.

    Reading hundreds of megabytes at every start would cost more than a search, so the result is kept in the cache,
    with the size and modification time of every file, and used again while these are the same.
    """
    stamps = {}
    for file in files:
        status = file.stat()
        stamps[os.path.relpath(file, folder)] = [status.st_size, status.st_mtime_ns]
    memory = cache_root() / "folders" / f"{hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:32]}.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(memory.read_text("utf-8"))
        if known["stamps"] == stamps:
            return str(known["hash"])
    total = hashlib.sha256()
    for name in stamps:
        total.update(f"{Path(name).as_posix()} {file_sha256(folder / name)}\n".encode())
    _remember(memory, {"stamps": stamps, "hash": total.hexdigest()})
    return total.hexdigest()


def _files(folder: SentenceFolder) -> list[Path]:
    places = {folder.path, folder.transformer, *(place for _, place in folder.modules)}
    return sorted(
        file
        for place in places
        if place.is_dir()
        for file in place.iterdir()
        if file.suffix in (".json", ".safetensors", ".txt") and file.is_file()
    )


def _remember(memory: Path, content: dict[str, object]) -> None:
    """Only a convenience, so a cache that cannot be written is no error here."""
    draft = memory.with_suffix(f".{os.getpid()}.draft")
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        with in_place_of(memory, draft):
            draft.write_text(json.dumps(content), "utf-8")
