"""How long a new key is valid where nobody says it, and at most. Imports nothing: the command line reads it too."""

from __future__ import annotations

from typing import Final

DEFAULT_DAYS: Final[float | None] = None
"""None: a key never expires."""

MOST_DAYS: Final = 36_500

DEFAULT_IN_WORDS: Final = "never" if DEFAULT_DAYS is None else f"{DEFAULT_DAYS:g}"
"""What a form and a help text say about it."""
