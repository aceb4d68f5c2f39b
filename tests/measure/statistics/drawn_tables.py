"""Data sets for the simulations: right and wrong answers in groups that hang together."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def names(groups: int, size: int) -> list[str]:
    """The group of each question."""
    return [str(number) for number in np.repeat(np.arange(groups), size)]


def differences(
    sets: int, groups: int, size: int, *, discordant: float, difference: float, correlation: float, seed: int
) -> Numbers:
    """`(sets, groups * size)` of -1, 0, 1, the mean truly `difference`, correlated within a group."""
    chance = np.random.default_rng(seed)

    def drawn(shape: tuple[int, ...]) -> Numbers:
        value = chance.random(shape)
        lost = (discordant - difference) / 2
        return np.where(value < lost, -1.0, np.where(value < discordant, 1.0, 0.0))

    own, shared = drawn((sets, groups, size)), drawn((sets, groups, 1))
    # Two questions of a group both take the group's draw with probability `correlation`.
    copied = chance.random((sets, groups, size)) < sqrt(correlation)
    return np.where(copied, shared, own).reshape(sets, -1)


def scores(arms: list[float], groups: int, size: int, *, hardness: float, chance: np.random.Generator) -> Numbers:
    """`(arms, questions)` of 0 and 1 with these true means; each answer takes, with probability `hardness`, the luck of
    its document, which is the same for all arms."""
    shared = np.repeat(chance.random((1, groups)), size, axis=1)
    own = chance.random((len(arms), groups * size))
    luck = np.where(chance.random(own.shape) < hardness, shared, own)
    return np.asarray(luck < np.array(arms)[:, None], np.float64)


def most_of(runs: int, share: float) -> int:
    """What a count of chances of at most `share` exceeds in less than 1 of 1000 cases (by Hoeffding and Chernoff).

    Chernoff's bound: P(count / runs >= q) <= exp(-runs KL(q, share)).
    """
    for count in range(int(runs * share), runs):
        q = min(1 - 1e-12, max(1e-12, (count + 1) / runs))
        distance = q * np.log(q / share) + (1 - q) * np.log((1 - q) / (1 - share))
        if q > share and runs * distance >= np.log(1000):
            return count
    return runs
