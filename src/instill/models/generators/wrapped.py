"""A generator around another one, which passes on all that the inner one can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from instill.models.generators.protocol import Generator, Message, Skill, skilled, usage_of


class Wrapped(ABC):
    """Base of generators that limit, guard or overhear another one.

    What a generator may have besides `name` and `stream` is passed on here, in one place: a wrapper that forgets one of
    them changes how questions are answered (a trained model is then asked as an untrained one is).

    Args:
        generator: the inner one.

    Example:
        >>> class Quiet(Wrapped):
        ...     def around(self, generator):
        ...         return Quiet(generator)
        >>> class Small:
        ...     name, context_characters = "small", 900
        ...     def stream(self, messages, *, max_tokens, temperature=0.0):
        ...         yield "yes"
        >>> quiet = Quiet(Small())
        >>> quiet.name, quiet.context_characters, quiet.last_usage, quiet.skilled("ground")
        ('small', 900, None, None)
        >>> "".join(quiet.stream([], max_tokens=9))
        'yes'
    """

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    @property
    def inner(self) -> Generator:
        """The inner generator."""
        return self._generator

    @abstractmethod
    def around(self, generator: Generator) -> Generator:
        """The same wrapper around another generator."""

    @property
    def name(self) -> str:
        """See `Generator.name`."""
        return str(self.inner.name)

    @property
    def last_usage(self) -> tuple[int, int] | None:
        """Tokens in and out of the last request, where the generator tells them."""
        return usage_of(self.inner)

    @property
    def context_characters(self) -> int | None:
        """Most characters of passages that the generator should be given; None: it has no say in that."""
        found = getattr(self.inner, "context_characters", None)
        return found if isinstance(found, int) and found > 0 else None

    def skilled(self, skill: Skill) -> Generator | None:
        """See `Skilled.skilled`; what was trained is wrapped too."""
        trained = skilled(self.inner, skill)
        return None if trained is None else self.around(trained)

    def interrupt(self) -> None:
        """End the reply that is being written, where the generator can."""
        interrupt = getattr(self.inner, "interrupt", None)
        if interrupt is not None:
            interrupt()

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        """See `Generator.stream`."""
        yield from self.inner.stream(messages, max_tokens=max_tokens, temperature=temperature)
