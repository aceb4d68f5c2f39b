"""Data sizes on a log scale, and the rows of each: a smaller size's rows are within those of a larger one."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from math import floor, log10

from instill.errors import UsageError


def data_sizes(smallest: int, largest: int, *, per_decade: int = 3) -> list[int]:
    """Numbers of rows from `smallest` to `largest`, evenly spread over the logarithm, rising.

    Those between have two significant digits. A size nearer to the largest than half a step is left out.

    Args:
        smallest: rows, from 1.
        largest: rows, not below `smallest`; always the last size.
        per_decade: sizes for each factor of ten, 1 to 20.

    Raises:
        UsageError: a number is out of its range.

    Example:
        >>> data_sizes(10, 1000)
        [10, 22, 46, 100, 220, 460, 1000]
        >>> data_sizes(10, 250, per_decade=2)
        [10, 32, 100, 250]
    """
    if not 1 <= smallest <= largest:
        raise UsageError(
            "The smallest size is at least 1 row and not above the largest.",
            where=f"{smallest} to {largest}",
            remedy="Give fewer rows as the smallest size, or add rows.",
        )
    if not 1 <= per_decade <= 20:
        raise UsageError("The sizes for each factor of ten are 1 to 20.", where=str(per_decade))
    steps = per_decade * log10(largest / smallest)
    between = (_two_digits(smallest * 10 ** (step / per_decade)) for step in range(1, floor(steps - 0.5 + 1e-9) + 1))
    return sorted({smallest, largest, *(size for size in between if smallest < size < largest)})


def nested_subsets(
    rows: int, sizes: Sequence[int], seed: int, *, groups: Sequence[str] | None = None
) -> dict[int, list[int]]:
    """For each size the positions of its rows, drawn at random; each list begins with that of the next smaller size.

    The order depends on the seed and on a row's position (or group) only, by a hash: it is the same on every machine
    and with every version of Python.

    Args:
        rows: how many there are.
        sizes: numbers of rows, each from 1 to `rows`.
        seed: another seed draws other rows.
        groups: of each row, what it is about (its fact); rows of a group stand together, so that a subset holds whole
            groups and at most one in part. None: every row is its own group.

    Raises:
        UsageError: a size is larger than the number of rows, or below 1.
        ValueError: there are not as many groups as rows.

    Example:
        >>> found = nested_subsets(100, [2, 5], seed=0)
        >>> len(found[5]), found[5][:2] == found[2]
        (5, True)
    """
    if groups is not None and len(groups) != rows:
        raise ValueError(f"{rows} rows and {len(groups)} groups")
    for size in sizes:
        if not 1 <= size <= rows:
            raise UsageError(
                f"A size of {size} rows cannot be drawn from {rows}.",
                remedy=f"Choose sizes from 1 to {rows}, or add rows.",
            )

    def place(row: int) -> tuple[bytes, bytes, int]:
        group = f"group {groups[row]}" if groups is not None else "rows"
        return _hash(seed, group), _hash(seed, f"row {row}"), row

    order = sorted(range(rows), key=place)
    return {size: order[:size] for size in sizes}


def _two_digits(number: float) -> int:
    unit = int(10 ** max(0, floor(log10(number)) - 1))
    return round(number / unit) * unit


def _hash(seed: int, text: str) -> bytes:
    return blake2b(f"{seed} {text}".encode(), digest_size=12).digest()
