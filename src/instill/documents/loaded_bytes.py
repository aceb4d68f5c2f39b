"""What a source hands over when it is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loaded:
    """A source's bytes, with what the server said of them."""

    data: bytes
    content_type: str = ""
    modified: str = ""
