"""Who is told how far a long piece of work is: a training, a comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Counted = Callable[[int, int], None]
"""Is told how much is done, of how much."""

Told = Callable[[int, int, str], None]
"""Is told how much is done, of how much (0: not known), and what."""

Staged = Callable[[str, int, int], None]
"""Is told what is done, how much of it, of how much."""


def nobody(*_: object) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Receivers of progress; by default nobody is told.

    Args:
        stage: what is done from now on, by name.
        progress: see `Told`.
        warning: what should be known before the work goes on.

    Example:
        >>> watch = Watch(stage=print)
        >>> watch.stage("training")
        training
        >>> watch.progress(3, 10, "loss 0.5")
    """

    stage: Callable[[str], None] = nobody
    progress: Told = nobody
    warning: Callable[[Any], None] = nobody
