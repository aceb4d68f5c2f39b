"""When a run writes a checkpoint: the rules, and how many steps lie between two where the caller does not say.

The loops of reader and encoder ask `is_due`. That of language models, whose steps may be slow, asks `Saving`. For
preferences and rewards, trl writes the checkpoints, every so many steps. Imports nothing heavy.
"""

from __future__ import annotations

import time
from typing import Final

GENERATOR_EVERY: Final = 200
PREFERENCES_EVERY: Final = 50
REWARDS_EVERY: Final = 20
ENCODER_EVERY: Final = 50
READER_EVERY: Final = 200

LONGEST_S = 60.0
"""Seconds after which `Saving` is due, however few steps were done."""

_REST = 20
"""Times as long as the last writing took, for which `Saving` does not write again."""


def is_due(done: int, steps: int, every: int) -> bool:
    """Whether a checkpoint is written after `done` of `steps` steps: after each `every`, and after the last.

    Example:
        >>> [done for done in range(1, 6) if is_due(done, 5, 2)]
        [2, 4, 5]
    """
    return done % every == 0 or done == steps


class Saving:
    """The same, and every minute where steps are slow. A checkpoint that takes long is written less often, so that
    writing takes a twentieth of the time at most.

    Writing is done inside of it, which measures the time.
    """

    def __init__(self, steps: int, every: int) -> None:
        self._steps, self._every, self._took, self._last = steps, every, 0.0, time.monotonic()

    def is_due(self, done: int) -> bool:
        """Whether a checkpoint is written after `done` steps."""
        waits = max(LONGEST_S, _REST * self._took)
        return is_due(done, self._steps, self._every) or time.monotonic() - self._last >= waits

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._last = time.monotonic()
        self._took = self._last - self._began
