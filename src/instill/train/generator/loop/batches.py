"""Examples of one step as few, full rectangles of tokens: padded to like lengths, or packed end to end.

A step always has the same number of rows, drawn at random; how they are laid out changes its speed, not its gradient.
Padding stands at the right, where a causal model never looks from a real token, so no mask is needed. Packed rows are
told apart by positions that begin anew, from which transformers makes a block mask: no row sees another.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from instill.train.generator.data.examples import Example

_STEP = 8  # Lengths are rounded up to this: each new shape costs the matrix kernels a preparation.
_FEW = 256  # What a batch costs besides its tokens, in tokens.


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that go through the model at one time.

    Args:
        ids: int64 `(rows, tokens)`.
        positions: int64 `(rows, tokens)`, of each token in its own row.
        places: int64 `(targets,)` into the flattened batch: the token before each supervised one.
        targets: int64 `(targets,)`, the supervised tokens.
        examples: what is in it, and in which rectangle's row and column each begins.
        numbers: int64 `(targets,)`, for each target the place of its example in `examples`.
    """

    ids: Tensor
    positions: Tensor
    places: Tensor
    targets: Tensor
    examples: tuple[Example, ...]
    corners: tuple[tuple[int, int], ...]
    numbers: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        if device == self.ids.device:
            return self
        names = ("ids", "positions", "places", "targets", "numbers")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def steps_of(count: int, size: int, *, seed: int, epoch: int) -> list[list[int]]:
    """The rows of each step of an epoch: all of them once, in an order drawn from seed and epoch.

    Example:
        >>> steps_of(5, 2, seed=0, epoch=0) == steps_of(5, 2, seed=0, epoch=0)
        True
        >>> sorted(sum(steps_of(5, 2, seed=0, epoch=1), []))
        [0, 1, 2, 3, 4]
    """
    order = list(range(count))
    random.Random(f"{seed} order {epoch}").shuffle(order)  # noqa: S311  Not for security.
    return [order[start : start + size] for start in range(0, count, size)]


def padded(examples: Sequence[Example], most_tokens: int) -> Iterator[Batch]:
    """Batches of examples of like length, each of at most `most_tokens` tokens with padding (or one example)."""
    yield from _batches([[example] for example in _by_length(examples)], most_tokens)


def packed(examples: Sequence[Example], most_tokens: int, width: int) -> Iterator[Batch]:
    """Batches of rows of at most `width` tokens that hold several examples each, and are about as long as each other.

    An example that is longer has a row of its own.
    """
    yield from _batches(_rows(_by_length(examples)[::-1], width), most_tokens)


def _by_length(examples: Sequence[Example]) -> list[Example]:
    return sorted(examples, key=lambda each: (each.length, each.number))


def _rows(examples: Sequence[Example], width: int) -> list[list[Example]]:
    """As few rows as first fit, longest first, finds; then each example goes to the shortest of so many rows."""
    room: list[int] = []
    filled: list[list[Example]] = []
    for example in examples:
        place = next((number for number, left in enumerate(room) if left >= example.length), len(room))
        if place == len(room):
            room.append(width)
            filled.append([])
        room[place] -= example.length
        filled[place].append(example)
    even: list[list[Example]] = [[] for _ in filled]
    taken = [0] * len(filled)
    for example in examples:
        place = taken.index(min(taken))
        taken[place] += example.length
        even[place].append(example)
    fits = all(length <= width or len(row) == 1 for length, row in zip(taken, even, strict=True))
    return even if fits else filled


def _batches(rows: Sequence[Sequence[Example]], most_tokens: int) -> Iterator[Batch]:
    """Rows of like length together, so that padding and the number of batches cost least.

    Args:
        rows: the shortest has at least one example.
    """
    rows = sorted(rows, key=_length)
    # Of the first so many rows: what they cost at least, and how many the last of their batches has.
    cheapest: list[tuple[int, int]] = [(0, 0)]
    for count, row in enumerate(rows, 1):
        width = _rounded(_length(row))
        sizes = range(1, max(1, min(count, most_tokens // width)) + 1)
        cheapest.append(min((cheapest[count - size][0] + size * width + _FEW, size) for size in sizes))
    ends = [len(rows)]
    while ends[-1]:
        ends.append(ends[-1] - cheapest[ends[-1]][1])
    for start, end in zip(ends[:0:-1], ends[-2::-1], strict=True):
        yield _laid_out(rows[start:end])


def _length(row: Sequence[Example]) -> int:
    return sum(example.length for example in row)


def _laid_out(rows: Sequence[Sequence[Example]]) -> Batch:
    width = _rounded(max(_length(row) for row in rows))
    ids = np.zeros((len(rows), width), np.int64)
    # In a packed row the padding is position 0 again and again: each such token is alone.
    single = all(len(row) == 1 for row in rows)
    positions = np.tile(np.arange(width), (len(rows), 1)) if single else np.zeros((len(rows), width), np.int64)
    examples: list[Example] = []
    corners: list[tuple[int, int]] = []
    places, targets, numbers = [], [], []
    for number, row in enumerate(rows):
        column = 0
        for example in row:
            end = column + example.length
            ids[number, column:end] = example.ids
            positions[number, column:end] = np.arange(example.length)
            said = np.flatnonzero(example.supervised[1:]) + 1
            places.append(number * width + column + said - 1)
            targets.append(example.ids[said].astype(np.int64))
            numbers.append(np.full(len(said), len(examples), np.int64))
            examples.append(example)
            corners.append((number, column))
            column = end
    flat = (torch.from_numpy(np.concatenate(each)) for each in (places, targets, numbers))
    places_, targets_, numbers_ = flat
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy(positions),
        places_,
        targets_,
        tuple(examples),
        tuple(corners),
        numbers_,
    )


def _rounded(length: int) -> int:
    return -(-length // _STEP) * _STEP
