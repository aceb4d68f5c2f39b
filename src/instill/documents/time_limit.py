"""The time that one file may take."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from instill.errors import DocumentError


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """`seconds` from `started` on, a reading of `time.monotonic()`.

    Example:
        >>> TimeLimit.of(60).check("Reading it")
        >>> TimeLimit(seconds=1, started=time.monotonic() - 2).check("Reading it")
        Traceback (most recent call last):
        ...
        instill.errors.DocumentError: Reading it takes longer than 1 s, the limit for one file. Split it, ...
    """

    seconds: float
    started: float

    @classmethod
    def of(cls, seconds: float) -> TimeLimit:
        """From now on."""
        return cls(seconds, time.monotonic())

    @classmethod
    def none(cls) -> TimeLimit:
        """No limit."""
        return cls(math.inf, 0.0)

    def left(self) -> float:
        """Seconds that are left; below zero when it is over."""
        return self.seconds - (time.monotonic() - self.started)

    def check(self, what: str) -> None:
        """Raises `DocumentError` when the time is over."""
        if self.left() < 0:
            raise self.over(what)

    def over(self, what: str) -> DocumentError:
        """The error that says so."""
        return DocumentError(
            f"{what} takes longer than {self.seconds:g} s, the limit for one file.",
            remedy="Split it, or raise max_seconds under [documents] in instill.toml.",
        )
