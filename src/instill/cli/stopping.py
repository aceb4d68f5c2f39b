"""Ctrl-C, and what is said then."""

from __future__ import annotations

WHOLE = "What was committed is whole; run the same command again to go on."


class StoppedError(BaseException):
    """Ctrl-C. Not KeyboardInterrupt, which typer would swallow with a message that says less.

    Args:
        kept: what is said of the work that is done: whatever the command that was stopped knows of it.
    """

    def __init__(self, kept: str = WHOLE) -> None:
        super().__init__(kept)
        self.kept = kept


def stop(*_: object) -> None:
    """Handle SIGINT."""
    raise StoppedError
