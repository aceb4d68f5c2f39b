"""Which table is the live one: `current.json` in the index folder names it and is replaced atomically.

A generation is a folder with one table made by one encoder. Re-encoding builds the next generation beside the live
one and then switches; readers of the old one are served until they open the index again.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from instill.common.durable_files import in_place_of
from instill.errors import DamagedIndex, WorkspaceError

POINTER = "current.json"
MARK = "live.json"
MADE = "made.json"
LANCE = "lance"
S3 = "s3"
"""The Lance table in a bucket."""
FORMAT = 1
"""Goes up when a table of an older Instill could not be read or searched rightly by this one."""

REPAIR = "Run: instill doctor --repair (keeps what is undamaged, and says what has to be read again)"
_KEEP_S = 3600.0


@dataclass(frozen=True, slots=True)
class Generation:
    """One table: the folder's name, the length of its vectors, the fingerprint of their encoder, its format.

    `store` is the kind of store that keeps it, and `url` where that is, without a password; "": in the folder.
    """

    name: str
    dimension: int
    fingerprint: str
    format: int = FORMAT
    store: str = LANCE
    url: str = ""


def live_generation(folder: Path) -> Generation | None:
    """The generation that `current.json` names; None when there is no index yet.

    Raises:
        WorkspaceError: the file cannot be understood, or the index has another format.
    """
    pointer = folder / POINTER
    try:
        generation = Generation(**json.loads(pointer.read_text(encoding="utf-8")))
    except FileNotFoundError:
        if marked_generation(folder) is not None:
            raise DamagedIndex(
                "The file that names the index's table is gone.", where=str(pointer), remedy=REPAIR
            ) from None
        return None
    except (ValueError, TypeError) as error:
        raise DamagedIndex("The index's pointer file is damaged.", where=str(pointer), remedy=REPAIR) from error
    require_format(generation, str(folder))
    return generation


def require_format(generation: Generation, where: str) -> None:
    """Refuse a generation of another format.

    Raises:
        WorkspaceError: it is one.
    """
    if generation.format != FORMAT:
        raise WorkspaceError(
            f"The index was made by another version of Instill (format {generation.format}, not {FORMAT}).",
            where=where,
            remedy=f"Use that version, or delete {where} and run: instill sync (it reads the documents again)",
        )


def live_or_none(folder: Path) -> Generation | None:
    """The live generation; None also where the pointer cannot be understood."""
    try:
        return live_generation(folder)
    except WorkspaceError:
        return None


def kind_of(folder: Path) -> str:
    """The kind of store that holds the live generation; Lance where there is none, or the pointer is damaged.

    Example:
        >>> import tempfile
        >>> kind_of(Path(tempfile.mkdtemp()))
        'lance'
    """
    live = live_or_none(folder)
    return LANCE if live is None else live.store


def damaged_pointer(folder: Path) -> str:
    """What is wrong with the pointer, or ""."""
    try:
        live_generation(folder)
    except DamagedIndex as error:
        return error.what[:1].lower() + error.what[1:].rstrip(".")
    return ""


def marked_generation(folder: Path) -> Generation | None:
    """The newest generation that was ever live, by the mark in its own folder."""
    for mark in sorted(folder.glob(f"g*/{MARK}"), reverse=True):
        try:
            return Generation(**json.loads(mark.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue
    return None


def mark_live(folder: Path, generation: Generation) -> None:
    """Write into the generation's folder what the pointer says, for the day when the pointer is lost."""
    mark = folder / generation.name / MARK
    if not mark.exists():
        _write(mark, generation)


def new_generation(folder: Path, dimension: int, fingerprint: str, like: Generation | None = None) -> Generation:
    """A name that no other generation has. Names sort by age, also where the clock was set back in between.

    Args:
        like: in the same store as this one.
    """
    made = [int(path.name[1:21]) for path in folder.glob("g*") if re.fullmatch(r"g\d{20}[0-9a-f]{4}", path.name)]
    number = max([time.time_ns(), *(each + 1 for each in made)])
    name = f"g{number:020d}{secrets.token_hex(2)}"
    if like is not None:
        return replace(like, name=name, dimension=dimension, fingerprint=fingerprint)
    return Generation(name, dimension, fingerprint)


def make_live(folder: Path, generation: Generation) -> None:
    """Point at `generation`, wholly or not at all, also when power is lost."""
    mark_live(folder, generation)
    write_pointer(folder, generation)


def write_pointer(folder: Path, generation: Generation) -> None:
    """Let the pointer name `generation`, which was made live before."""
    _write(folder / POINTER, generation)


def remove_old_generations(folder: Path, *, older_than_s: float = _KEEP_S) -> list[str]:
    """Delete generations that are neither live nor were touched within `older_than_s`; their names."""
    live = live_generation(folder)
    removed = []
    for path in sorted(folder.glob("g*")):
        if live is None or path.name == live.name or not path.is_dir() or (path / MADE).exists():
            continue
        if time.time() - _last_touched(path) >= older_than_s:
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path.name)
    return removed


def note_made(folder: Path, generation: Generation) -> None:
    """Write down that a generation is kept in another store, before it is made there."""
    (folder / generation.name).mkdir(parents=True, exist_ok=True)
    _write(folder / generation.name / MADE, generation)


def old_elsewhere(folder: Path, *, older_than_s: float = _KEEP_S) -> list[Generation]:
    """Generations in other stores that are neither live nor were touched within `older_than_s`."""
    live = live_generation(folder)
    return [
        each
        for each in elsewhere(folder)
        if live is not None and each.name != live.name and time.time() - _newest(folder / each.name) >= older_than_s
    ]


def elsewhere(folder: Path) -> list[Generation]:
    """The generations that were made in other stores, the live one too, as far as they were noted here."""
    found = []
    for path in sorted(folder.glob(f"g*/{MADE}")):
        try:
            generation = Generation(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue
        if generation.name == path.parent.name:
            found.append(generation)
    return found


def _newest(path: Path) -> float:
    return max(entry.stat().st_mtime for entry in (path, *path.iterdir()))


def _write(file: Path, generation: Generation) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with in_place_of(file, draft), draft.open("w", encoding="utf-8") as stream:
        written = asdict(generation)
        if generation.store == LANCE:  # as an older Instill reads it
            del written["store"], written["url"]
        json.dump(written, stream)
        stream.flush()
        os.fsync(stream.fileno())


def _last_touched(path: Path) -> float:
    # A generation that is being filled writes new version files all the time.
    return max((entry.stat().st_mtime for entry in path.glob("*.lance/_versions")), default=path.stat().st_mtime)
