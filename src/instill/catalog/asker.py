"""Who asked, as conversations and the log of questions keep it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks.

    Args:
        key_id: of the key of `instill serve` that they use; "" without one. Questions and conversations belong to the
            key's id and not to its name: a name is free again when its key was revoked.
        name: as lists of conversations show it; "" where it is not known.
        unread: documents of theirs that are still being read while they ask.
    """

    key_id: str = ""
    name: str = ""
    unread: int = 0


NOBODY = Asker()
"""Whoever asks without a key."""
