"""A generator whose replies are there in time, or not at all."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from time import monotonic

from instill.errors import GeneratorError
from instill.models.generators.protocol import Generator, Message
from instill.models.generators.wrapped import Wrapped

_AHEAD = 256
_LOOK_S = 0.1


class Timed(Wrapped):
    """The generator with a limit on the time of each whole reply, whatever it waits for.

    Args:
        seconds: from the request to the last piece.

    Example:
        >>> class Slow:
        ...     name = "slow"
        ...     def stream(self, messages, *, max_tokens, temperature=0.0):
        ...         yield "one"
        ...         threading.Event().wait(5)
        ...         yield "two"
        >>> pieces = Timed(Slow(), 0.3).stream([], max_tokens=9)
        >>> next(pieces)
        'one'
        >>> next(pieces)
        Traceback (most recent call last):
        instill.errors.GeneratorError: The generator's reply took longer than 0.3 s. (slow) ...
    """

    def __init__(self, generator: Generator, seconds: float) -> None:
        super().__init__(generator)
        self._seconds = seconds

    def around(self, generator: Generator) -> Generator:
        """See `Wrapped.around`; with the same limit."""
        return Timed(generator, self._seconds)

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        """See `instill.models.generators.protocol.Generator.stream`."""
        deadline = monotonic() + self._seconds
        pieces: queue.Queue[str | BaseException | None] = queue.Queue(maxsize=_AHEAD)
        left = threading.Event()

        def put(item: str | BaseException | None) -> bool:
            while not left.is_set():
                try:
                    pieces.put(item, timeout=_LOOK_S)
                    return True
                except queue.Full:
                    continue
            return False

        def run() -> None:
            try:
                stream = self._generator.stream(messages, max_tokens=max_tokens, temperature=temperature)
                for piece in stream:
                    if not put(piece):
                        close = getattr(stream, "close", None)
                        if close is not None:
                            close()
                        return
                put(None)
            except BaseException as error:
                put(error)

        threading.Thread(target=run, daemon=True, name="instill-reply").start()
        try:
            while True:
                try:
                    item = pieces.get(timeout=max(0.0, deadline - monotonic()))
                except queue.Empty:
                    raise self._late() from None
                if item is None:
                    return
                if isinstance(item, BaseException):
                    raise item
                yield item
                if monotonic() > deadline:
                    raise self._late()
        finally:
            left.set()

    def _late(self) -> GeneratorError:
        self.interrupt()
        return GeneratorError(
            f"The generator's reply took longer than {self._seconds:g} s.",
            where=self.name,
            remedy="Raise generator.answer_s, lower answer.passages, or use a smaller model.",
        )
