"""The header of a GGUF file, read and checked: nothing that the file says is believed before it is checked.

A GGUF file is given to C++ code, which trusts its counts, lengths and offsets. So they are read here first: every
length against the bytes that are left, every tensor against the end of the file. The weights themselves are not read.
The layout is that of the GGUF specification, versions 2 and 3, little-endian.
"""

from __future__ import annotations

import mmap
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from instill.errors import UsageError

MAGIC = b"GGUF"
LARGEST_HEADER = 512 * 1024**2
"""Bytes before the weights. The largest vocabularies in use take about 20 MB."""

_MOST_KEYS, _MOST_TENSORS, _LONGEST_KEY, _LONGEST_NAME = 10_000, 100_000, 65_535, 63
_MOST_ITEMS = 10_000_000
_SIDE = 2**40
"""Longest side of a tensor. No product of four sides that fit into a file comes near what 64 bits hold."""

_SCALARS: Mapping[int, str] = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
_STRING, _ARRAY = 8, 9

BLOCKS: Mapping[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip
"""Kind of number -> its name, weights a block, bytes a block."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor.

    Args:
        shape: sides as the file has them, the innermost first.
        kind: "F32", "Q4_1", ...
        offset: of its first byte in the file.
        size: bytes.
    """

    shape: tuple[int, ...]
    kind: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Layout:
    """What a GGUF file says before its weights.

    Args:
        values: metadata by key; arrays are lists.
        tensors: by name, in the order of the file.
        size: bytes of the file.
    """

    file: Path
    values: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    size: int

    @property
    def architecture(self) -> str:
        """E.g. "llama"; "" where the file does not say."""
        found = self.values.get("general.architecture", "")
        return found if isinstance(found, str) else ""


def read_layout(file: Path) -> Layout:
    """The header of a GGUF file.

    Raises:
        UsageError: there is no such file, or it is no GGUF file, is cut short, or contradicts itself.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise refused(file, f"cannot be read: {error.strerror}", "Check the path.") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise refused(file, "is not a file", "Name the .gguf file itself.")
    size = status.st_size
    with os.fdopen(descriptor, "rb") as stream:
        if size < 24 or stream.read(4) != MAGIC:
            raise refused(file, "is no GGUF file", "Name a model's .gguf file.")
        with mmap.mmap(descriptor, min(size, LARGEST_HEADER), access=mmap.ACCESS_READ) as content:
            try:
                return _Reader(file, content, size).read()
            except (struct.error, _Odd) as error:
                said = str(error) if isinstance(error, _Odd) else "ends in the middle of its header"
                raise refused(file, said) from error


def refused(file: Path, why: str, remedy: str = "") -> UsageError:
    """The error about a GGUF file that is not used."""
    return UsageError(f"The GGUF file is not used: it {why}.", where=str(file), remedy=remedy or _REMEDY)


_REMEDY = "Get the file again from where it came, or name another one."


class _Odd(ValueError):
    """What is wrong with a file: "has ...", "says that ..."."""


class _Reader:
    """Reads a header from its beginning to its end."""

    def __init__(self, file: Path, content: mmap.mmap, size: int) -> None:
        self._file = file
        self._content = content
        self._size = size
        self._at = 4

    def read(self) -> Layout:
        (version,) = self._numbers("I")
        if version not in (2, 3):
            swapped = int.from_bytes(int(version).to_bytes(4, "little"), "big")
            what = "is big-endian" if swapped in (2, 3) else f"has the version {version}"
            raise _Odd(f"{what}; little-endian files of versions 2 and 3 are read")
        tensors, keys = self._numbers("QQ")
        if keys > _MOST_KEYS or tensors > _MOST_TENSORS:
            raise _Odd(f"says that it has {keys:,} values and {tensors:,} tensors")
        values: dict[str, Any] = {}
        for _ in range(keys):
            key = self._text(_LONGEST_KEY, "a key")
            if key in values:
                raise _Odd(f"has the key {key[:80]} twice")
            values[key] = self._value(key)
        return Layout(self._file, values, self._tensors(tensors, values), self._size)

    def _numbers(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from(f"<{form}", self._content, self._at)
        self._at += struct.calcsize(f"<{form}")
        return found

    def _text(self, longest: int, what: str) -> str:
        (length,) = self._numbers("Q")
        if length > min(longest, len(self._content) - self._at):
            raise _Odd(f"says that {what} has {length:,} bytes")
        found = self._content[self._at : self._at + length]
        self._at += length
        # Pieces of a vocabulary may be any bytes.
        return found.decode("utf-8", errors="surrogateescape")

    def _value(self, key: str) -> Any:
        (kind,) = self._numbers("I")
        if kind == _STRING:
            return self._text(LARGEST_HEADER, f"the text of {key[:80]}")
        if kind == _ARRAY:
            return self._array(key)
        return self._scalars(kind, 1, key)[0]

    def _array(self, key: str) -> list[Any]:
        kind, count = self._numbers("IQ")
        if kind == _ARRAY:
            raise _Odd(f"has lists in the list {key[:80]}")
        if count > _MOST_ITEMS:
            raise _Odd(f"says that {key[:80]} has {count:,} items")
        if kind == _STRING:
            return [self._text(LARGEST_HEADER, f"an item of {key[:80]}") for _ in range(count)]
        return self._scalars(kind, count, key)

    def _scalars(self, kind: int, count: int, key: str) -> list[Any]:
        form = _SCALARS.get(kind)
        if form is None:
            raise _Odd(f"has a value of the unknown kind {kind} for {key[:80]}")
        if struct.calcsize(form) * count > len(self._content) - self._at:
            raise _Odd(f"says that {key[:80]} has {count:,} items")
        return list(self._numbers(f"{count}{form}"))

    def _tensors(self, count: int, values: Mapping[str, Any]) -> dict[str, Tensor]:
        alignment = values.get("general.alignment", 32)
        if type(alignment) is not int or not 8 <= alignment <= 65_536 or alignment & (alignment - 1):
            raise _Odd("has an alignment that is no power of two")
        found: dict[str, tuple[tuple[int, ...], int, int]] = {}
        for _ in range(count):
            name = self._text(_LONGEST_NAME, "the name of a tensor")
            if name in found:
                raise _Odd(f"has the tensor {name} twice")
            (sides,) = self._numbers("I")
            if not 1 <= sides <= 4:
                raise _Odd(f"says that {name} has {sides} dimensions")
            shape = self._numbers(f"{sides}Q")
            found[name] = (shape, *self._numbers("IQ"))
        start = -(-self._at // alignment) * alignment
        if start > len(self._content):
            raise _Odd("ends before its weights")
        return {name: self._tensor(name, *each, start, alignment) for name, each in found.items()}

    def _tensor(self, name: str, shape: tuple[int, ...], kind: int, offset: int, start: int, alignment: int) -> Tensor:
        if kind not in BLOCKS:
            raise _Odd(f"holds {name} in a kind of number that is not known ({kind})")
        word, block, width = BLOCKS[kind]
        if not all(1 <= side < _SIDE for side in shape) or shape[0] % block:
            raise _Odd(f"says that {name} has the shape {shape} as {word}")
        size = prod(shape) // block * width
        if offset % alignment or start + offset + size > self._size:
            raise _Odd(f"is cut short: {name} does not lie in it")
        return Tensor(shape, word, start + offset, size)
