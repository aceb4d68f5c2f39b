"""What an answer needs from a generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypedDict, runtime_checkable

WritesAnswers = Callable[[Path], bool]
"""Whether an adapter writes answers from passages: its folder or file -> yes or no."""

AdapterOf = Callable[[str], Path | None]
"""Hash of a base -> folder of the candidate to use with it, checked; None: the base as it is. Raises an InstillError
when there is one and it cannot be used."""


Skill = Literal["ground", "questions", "standalone"]
"""What a model may have been trained for: answers from passages, questions about a text, follow-ups that stand alone.
Each has a prompt of its own, without the rules that an untrained model needs."""


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


@runtime_checkable
class Skilled(Protocol):
    """A generator that may have been trained for some tasks of Instill."""

    def skilled(self, skill: Skill) -> Generator | None:
        """The same model as it was trained for `skill`; None where it was not."""
        ...


def skilled(generator: Generator | None, skill: Skill) -> Generator | None:
    """The generator as it was trained for `skill`; None where there is none, or it was not trained for it.

    Example:
        >>> skilled(None, "ground")
    """
    return generator.skilled(skill) if isinstance(generator, Skilled) else None


def usage_of(generator: Generator) -> tuple[int, int] | None:
    """Tokens in and out of the generator's last request, where it tells them in `last_usage`.

    Example:
        >>> class Told:
        ...     last_usage = (12, 3)
        >>> usage_of(Told()), usage_of(object())
        ((12, 3), None)
    """
    found = getattr(generator, "last_usage", None)
    fits = isinstance(found, tuple) and len(found) == 2 and all(isinstance(each, int) and each >= 0 for each in found)
    return (found[0], found[1]) if fits and found is not None else None
