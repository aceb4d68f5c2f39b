"""Files of a folder that may come from elsewhere: real ones, inside it, and of a size that can be read.

A named pipe in the place of a file is waited for without end, a device has no end, and a link can lead to anything.
None of these is opened here.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

LARGEST_JSON = 16_000_000
LARGEST_TEMPLATE = 1_000_000
LARGEST_VOCABULARY = 256_000_000

_VOCABULARIES = frozenset({"tokenizer.json", "vocab.json", "vocab.txt", "merges.txt", "words.bin"})
_READ = (".json", ".jinja", ".txt", ".safetensors", ".model", ".onnx", ".bin")


def read_small(file: Path, most: int = LARGEST_JSON) -> bytes:
    """The content of a file of at most `most` bytes.

    Raises:
        FileNotFoundError: there is none.
        OSError: it cannot be read.
        ValueError: it is a link, no file, or longer.

    Example:
        >>> import tempfile
        >>> pipe = Path(tempfile.mkdtemp()) / "card.json"
        >>> os.mkfifo(pipe)
        >>> read_small(pipe)
        Traceback (most recent call last):
        ValueError: it is not a file
    """
    try:
        # O_NONBLOCK: opening a named pipe to read it would wait for a writer.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError("it is a link") from error
        raise
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is not a file")
        content = stream.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it is longer than {most:,} bytes")
    return content


def read_small_json(file: Path, most: int = LARGEST_JSON) -> Any:
    """The same, as JSON. What is nested too deeply, or is no UTF-8, is a ValueError too."""
    try:
        return json.loads(read_small(file, most).decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def odd_file(folder: Path, *, home: Path | None = None) -> str:
    """What makes the files in a model's folder unfit to be opened; "" when nothing does.

    Only files of a kind that is read from a model are looked at, and none in folders below.

    Args:
        home: the model's folder, where this is a part of it: links may lead anywhere in it.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "config.json").symlink_to("/dev/zero")
        >>> odd_file(folder)
        'config.json is a link that leads out of the folder'
    """
    for file in sorted(each for each in folder.iterdir() if each.suffix in _READ and not _is_folder(each)):
        name = file.name
        if file.is_symlink() and not _stays(home or folder, file):
            return f"{name} is a link that leads out of the folder"
        try:
            status = file.stat()
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})"
        if not stat.S_ISREG(status.st_mode):
            return f"{name} is not a file"
        most = _most(file)
        if most is not None and status.st_size > most:
            return f"{name} has {status.st_size:,} bytes, more than the {most:,} that are read"
    return ""


def outside_shard(folder: Path) -> str:
    """What is wrong with the index of weights in several files; "" when it names safetensors files of the folder alone.

    The names come from a JSON file, and the libraries open whatever they say.
    """
    for index in sorted(folder.glob("*.safetensors.index.json")):
        try:
            named = set(read_index(index).values())
        except (OSError, ValueError) as error:
            return f"{index.name} cannot be read ({error})"
        for name in sorted(named):
            if Path(name).name != name or not name.endswith(".safetensors"):
                return f"{index.name} names {name[:100]!r}, which is not a safetensors file of the folder"
            if not (folder / name).is_file():
                return f"{index.name} names {name[:100]}, which is not there"
    return ""


def read_index(file: Path) -> dict[str, str]:
    """Tensor -> file name, as the index of weights in several files says. Raises ValueError or OSError."""
    # In the cache of the model hub every file is a link; `odd_file` has looked where it leads.
    content = read_small_json(file.resolve())
    found = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(found, dict) or not found or not all(isinstance(name, str) for name in found.values()):
        raise ValueError("it names no files")
    return found


def _most(file: Path) -> int | None:
    if file.suffix == ".jinja":
        return LARGEST_TEMPLATE
    if file.name in _VOCABULARIES or file.suffix == ".model":
        return LARGEST_VOCABULARY
    return LARGEST_JSON if file.suffix in (".json", ".txt") else None


def _stays(folder: Path, file: Path) -> bool:
    """Whether a link leads to a file of the folder, or, in a snapshot of the hub's cache, to that model's blobs."""
    home, target = folder.resolve(), file.resolve()
    if target.is_relative_to(home):
        return True
    return home.parent.name == "snapshots" and target.parent == home.parent.parent / "blobs"


def _is_folder(file: Path) -> bool:
    return file.is_dir() and not file.is_symlink()
