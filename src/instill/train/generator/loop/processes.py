"""Training by several processes, as `accelerate launch` or `torchrun` starts them. Imports nothing heavy."""

from __future__ import annotations

import os


def count() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this one writes what all have made; true for a process alone."""
    return int(os.environ.get("RANK", "0")) == 0


def wait() -> None:
    """Go on when all processes are here; at the first call, give each its device."""
    if count() > 1:
        from accelerate import Accelerator

        Accelerator().wait_for_everyone()
