"""The rows of an epoch: all that are new, and a share of replay, so that what the model can do is not forgotten."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def replay_count(new: int, share: float) -> int:
    """How many rows of replay make it `share` of an epoch.

    Args:
        new: number of new rows.
        share: 0 to below 1.

    Raises:
        ValueError: the share is outside of that.

    Example:
        >>> replay_count(30, 0.25)
        10
    """
    if not 0 <= share < 1:
        raise ValueError(f"a share of {share} is not from 0 to below 1")
    return int(new * share / (1 - share) + 0.5)


def mixed(rows: Sequence[Item], replay: Sequence[Item], share: float, seed: int, epoch: int) -> list[Item]:
    """The rows (or their examples) of an epoch: the new ones in their order, then the replay that it draws.

    Epochs draw on from one another without putting back; when all of the replay is used up, it is shuffled anew.

    Args:
        share: of the epoch's rows, 0 to below 1.
        epoch: from 0; the same number gives the same rows.

    Example:
        >>> mixed(["a", "b", "c"], ["r", "s"], 0.25, seed=0, epoch=0)[:3]
        ['a', 'b', 'c']
        >>> sorted(mixed(["a"] * 3, ["r", "s"], 0.25, 0, epoch)[3] for epoch in (0, 1))
        ['r', 's']
    """
    if not replay:
        return list(rows)
    count = replay_count(len(rows), share)
    found = list(rows)
    order: list[int] = []
    shuffled = -1
    for place in range(epoch * count, (epoch + 1) * count):
        turn, position = divmod(place, len(replay))
        if turn != shuffled:
            order = list(range(len(replay)))
            random.Random(f"{seed} replay {turn}").shuffle(order)  # noqa: S311  Not for security.
            shuffled = turn
        found.append(replay[order[position]])
    return found
