"""Is a candidate's folder what its card says, and nothing that could harm? Only headers are read, no code is run.

A candidate may come from elsewhere: it is data of a known layout, or it is refused.
"""

from __future__ import annotations

import struct
from pathlib import Path

from safetensors import SafetensorError, safe_open

from instill.errors import WorkspaceError
from instill.models.encoders.cache import file_sha256
from instill.models.generators.adapter_settings import ADAPTER_CONFIG, read_adapter_settings
from instill.models.registry.card import CARD, Card

ADAPTER, WEIGHTS = "adapter_model.safetensors", "weights.safetensors"
KNOWN = frozenset({ADAPTER, ADAPTER_CONFIG, WEIGHTS, CARD})

Shape = tuple[int, ...]

_LONGEST_HEADER = 100_000_000
_NUMBERS = frozenset({"F64", "F32", "F16", "BF16"})


def check_folder(folder: Path, card: Card) -> None:
    """Refuse a folder that holds anything but the files of the card, each with its hash and a sound layout.

    Raises:
        WorkspaceError: a link, a file that is not known (pickles among them), one that is missing, changed,
            truncated, or no safetensors.
    """
    check_names(folder)
    present = {file.name for file in folder.iterdir()} - {CARD}
    for name in sorted(present ^ set(card.files)):
        raise _refused("is not on the card" if name in present else "is missing", folder / name)
    weights = present & {ADAPTER, WEIGHTS}
    if len(weights) != 1 or (ADAPTER in present) != (ADAPTER_CONFIG in present):
        raise _refused(f"needs {ADAPTER} with {ADAPTER_CONFIG}, or {WEIGHTS}", folder)
    for name, expected in card.files.items():
        if file_sha256(folder / name) != expected:
            raise _refused("has another content than on the card", folder / name)
    for name in weights:
        for tensor, (kind, _) in tensor_headers(folder / name).items():
            if kind not in _NUMBERS:
                raise _refused(f"holds {tensor} as {kind}", folder / name)
    if ADAPTER in present:
        adapter_rank(folder)


def check_names(folder: Path) -> None:
    """Refuse a folder that is or holds a link, a folder, or a file that no candidate has.

    Raises:
        WorkspaceError: it does.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise _refused("is no folder of its own", folder)
    for file in sorted(folder.iterdir()):
        if file.is_symlink():
            raise _refused("is a link", file)
        if file.name not in KNOWN or not file.is_file():
            raise _refused("is not a file of a candidate", file)


def tensor_headers(file: Path) -> dict[str, tuple[str, Shape]]:
    """Kind of number ("F32", ...) and shape of each tensor of a safetensors file, by name.

    Raises:
        WorkspaceError: it is no safetensors file, is empty, or is cut short.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            opening = stream.read(9)
    except OSError as error:
        raise _refused(f"cannot be read: {error.strerror}", file) from error
    if len(opening) < 9 or opening[8:] != b"{":
        raise _refused("is no safetensors file", file)
    (length,) = struct.unpack("<Q", opening[:8])
    if length > min(_LONGEST_HEADER, size - 8):
        raise _refused("says that its header is longer than the file", file)
    try:
        with safe_open(file, framework="numpy") as tensors:
            parts = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118  Not a mapping.
            found = {name: (str(part.get_dtype()), tuple(part.get_shape())) for name, part in parts.items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise _refused(f"is damaged: {error}", file) from error
    if not found:
        raise _refused("holds no tensors", file)
    return found


def adapter_rank(folder: Path) -> int:
    """The rank of the adapter in a folder, from its settings, all of which are checked.

    Raises:
        WorkspaceError: they cannot be read, or are not those of LoRA or DoRA on named modules.
    """
    return int(read_adapter_settings(folder)["r"])


def _refused(why: str, place: Path) -> WorkspaceError:
    return WorkspaceError(
        f"The candidate is refused: {place.name} {why}.",
        where=str(place),
        remedy="Train it again from its recipe, or remove its folder.",
    )
