"""How threads of a computation wait for one another."""

from __future__ import annotations

import os

PASSIVE = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
"""Threads that spin while they wait starve one another when anything else runs: a training took ten times as long."""


def wait_passively() -> None:
    """Let the threads of PyTorch sleep while they wait, unless the environment says otherwise.

    Has an effect only before PyTorch is imported for the first time.

    Example:
        >>> wait_passively()
        >>> os.environ["OMP_WAIT_POLICY"]
        'passive'
    """
    for name, value in PASSIVE.items():
        os.environ.setdefault(name, value)
