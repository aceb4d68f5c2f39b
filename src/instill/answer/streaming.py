"""An answer while it is written: an iterator over its pieces, and the whole answer at the end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TypeVar

from instill.answer.types import Answer

_AHEAD = 256  # pieces that may wait for a slow reader
_LOOK_S = 0.1

OnToken = Callable[[str], None]
_Item = str | Answer | Exception
_T = TypeVar("_T")


class AnswerStream(Iterator[str]):
    """The pieces of an answer as they are written; returned by `Workspace.ask(..., stream=True)`.

    The pieces of a generator are not yet checked against the documents; `answer` is the checked answer. A quoted answer
    is one piece. Work begins when you ask for the first piece. If you stop early, call `close` (or leave the `with`),
    which ends the work. In a coroutine, use `async for` and `async with`: the work runs in a thread, and cancelling the
    task ends it.

    Args:
        work: a function that makes the answer. It gets another function, which it calls with each piece. An empty piece
            is not passed on: with it, the work asks whether anybody still listens, and ends where nobody does.

    Example:
        >>> stream = workspace.ask("How is it installed?", stream=True)  # doctest: +SKIP
        >>> for piece in stream: print(piece, end="")  # doctest: +SKIP
        >>> stream.answer.citations  # doctest: +SKIP
        >>> async with workspace.ask("How is it installed?", stream=True) as stream:  # doctest: +SKIP
        ...     async for piece in stream: print(piece, end="")
        ...     answer = await stream.answer_async()
    """

    def __init__(self, work: Callable[[OnToken], Answer]) -> None:
        self._work = work
        self._items: queue.Queue[_Item] = queue.Queue(maxsize=_AHEAD)
        self._closed = threading.Event()
        self._started = False
        self._said_something = False
        self._end: Answer | Exception | None = None

    def within(self, context: AbstractContextManager[object]) -> AnswerStream:
        """The same stream, not yet begun, whose work runs inside a context, such as a lock. The thread of the work
        enters the context when the work begins and leaves it when the work ends, even if the stream was closed before.
        """
        work = self._work

        def inside(put: OnToken) -> Answer:
            with context:
                return work(put)

        return AnswerStream(inside)

    @property
    def is_closed(self) -> bool:
        """Whether somebody closed the stream. Then no more pieces come."""
        return self._closed.is_set()

    @property
    def answer(self) -> Answer:
        """The whole, checked answer. Waits until it is complete.

        Raises:
            RuntimeError: the stream was closed before its end.
            InstillError: what went wrong while answering.
        """
        for _ in self:
            pass
        if isinstance(self._end, Answer):
            return self._end
        if self._end is not None:
            raise self._end
        raise RuntimeError("the stream was closed before the answer was complete")

    def __next__(self) -> str:
        if self._end is not None or self._closed.is_set():
            raise StopIteration
        if not self._started:
            self._started = True
            _start(self._work, self._items, self._closed)
        item = self._next_item()
        if item is None:
            raise StopIteration
        if isinstance(item, str):
            self._said_something = True
            return item
        self._end = item
        if isinstance(item, Exception):
            raise item
        if item.text and not self._said_something:
            return item.text
        raise StopIteration

    def _next_item(self) -> _Item | None:
        """None when the stream is closed meanwhile, from another thread."""
        while not self._closed.is_set():
            try:
                return self._items.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
        return None

    def __aiter__(self) -> AnswerStream:
        return self

    async def __anext__(self) -> str:
        piece = await self._in_thread(lambda: next(self, None))
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def answer_async(self) -> Answer:
        """`answer`, for a coroutine.

        Raises:
            RuntimeError: the stream was closed before its end.
            InstillError: what went wrong while answering.
        """
        return await self._in_thread(lambda: self.answer)

    async def _in_thread(self, wait: Callable[[], _T]) -> _T:
        import asyncio  # too slow for a command that has no use for it

        try:
            return await asyncio.to_thread(wait)
        except asyncio.CancelledError:
            self.close()  # which also ends the thread that waits
            raise

    async def __aenter__(self) -> AnswerStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening; a generator that still writes is stopped at its next piece."""
        self._closed.set()

    def __enter__(self) -> AnswerStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self._closed.set()


class _Left(BaseException):
    """Nobody listens any more. No child of Exception, so that nothing on the way takes it for a generator's failure."""


def _start(work: Callable[[OnToken], Answer], items: queue.Queue[_Item], closed: threading.Event) -> None:
    """A thread that holds the queue and not the stream, so that a stream nobody keeps is closed."""

    def put(item: _Item) -> None:
        while not closed.is_set():
            if item == "":
                return
            try:
                items.put(item, timeout=_LOOK_S)
                return
            except queue.Full:
                continue
        raise _Left

    def run() -> None:
        try:
            try:
                item: _Item = work(put)
            except Exception as error:  # shown to whoever reads, in whose thread it belongs
                item = error
            put(item)
        except _Left:
            return

    threading.Thread(target=run, daemon=True, name="instill-answer").start()
