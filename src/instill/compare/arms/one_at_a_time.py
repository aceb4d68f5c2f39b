"""Several generators of which only one is in memory: an arm is asked all its questions before the next one begins."""

from __future__ import annotations

import gc
from collections.abc import Callable

from instill.models.generators.protocol import Generator
from instill.models.generators.wrapped import Wrapped


class OneAtATime:
    """Opens a generator when it is asked, and lets go of the one before.

    Args:
        opener: key -> a generator, newly made; its model is loaded when it is asked for the first time.

    Example:
        >>> class Named:
        ...     def __init__(self, name):
        ...         print("opened", name)
        ...         self.name = name
        ...     def stream(self, messages, *, max_tokens, temperature=0.0):
        ...         yield self.name
        >>> several = OneAtATime(Named)
        >>> base, tuned = several.generator("base"), several.generator("tuned")
        >>> for one in (base, base, tuned, base):
        ...     print(*one.stream([], max_tokens=1))
        opened base
        base
        base
        opened tuned
        tuned
        opened base
        base
    """

    def __init__(self, opener: Callable[[str], Generator]) -> None:
        self._opener = opener
        self._held: tuple[str, Generator] | None = None

    def generator(self, key: str) -> Generator:
        """One that stands for the generator of this key, and costs nothing until it is asked."""
        return _Turn(key, self)

    def open(self, key: str) -> Generator:
        """The generator itself."""
        if self._held is None or self._held[0] != key:
            self.release()  # Before the next one is made: two large models may not fit.
            self._held = key, self._opener(key)
        return self._held[1]

    def release(self) -> None:
        """Let go of the generator that is held; it is opened again when it is asked."""
        if self._held is not None:
            self._held = None
            gc.collect()  # A model may be part of a cycle, and would stay until there are many new objects.


class _Turn(Wrapped):
    """Stands for a generator that is opened when it is asked."""

    def __init__(self, key: str, shared: OneAtATime) -> None:  # Nothing is opened yet.
        self._key, self._shared = key, shared

    @property
    def inner(self) -> Generator:
        """The generator itself, opened."""
        return self._shared.open(self._key)

    def around(self, generator: Generator) -> Generator:
        """See `Wrapped.around`; it is open, so nothing has to stand for it."""
        return generator
