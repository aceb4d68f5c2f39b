"""What an answer needs from a generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypedDict

AdapterOf = Callable[[str], Path | None]
"""Hash of a base -> folder of the candidate to use with it, checked; None: the base as it is. Raises an InstillError
when there is one and it cannot be used."""


class Message(TypedDict):
    """One turn in the form that every chat model reads."""

    role: Literal["system", "user", "assistant"]
    content: str


class Generator(Protocol):
    """Messages to text, in pieces as they come.

    Raises `instill.errors.GeneratorError` when the generator is unreachable, too slow, or answers with something
    that is not text; what it had produced until then has been yielded.
    """

    @property
    def name(self) -> str:
        """For people and the trace: model and address, never a key."""
        ...

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        """Yield pieces of the reply; the whole reply is their concatenation."""
        ...
