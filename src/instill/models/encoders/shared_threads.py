"""Threads that a model's callers share: however many ask at once, as many texts are run as there are threads.

ONNX Runtime takes about as long for a token of a short text as for one of a long text, and the int8 kernels scale all
tokens of a run together. So texts of several callers are not put into one run: that would gain nothing and change the
last bits. They take turns instead, one text of each caller after the other, so that who encodes a thousand passages
does not keep a question waiting.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")

_LOOK_S = 0.1


class Workers:
    """So many threads, which begin with the first work.

    Args:
        threads: 1 or more.
        name: of the threads, for who looks at them.

    Example:
        >>> found = []
        >>> Workers(2).each([3, 1, 2], found.append)
        >>> sorted(found)
        [1, 2, 3]
    """

    def __init__(self, threads: int, name: str = "work") -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    def each(
        self, items: Iterable[Item], do: Callable[[Item], None], *, tick: Callable[[], None] | None = None
    ) -> None:
        """Do something with each of the items, in any order; returns when all are done.

        Args:
            do: is called in the threads, and does not call these workers again; the first error that it raises is
                raised here, and no further item is begun.
            tick: is called here every tenth of a second, and once at the end.
        """
        turns = _Turns(self._pool, deque(items), do)
        turns.begin(self._threads)
        try:
            while not turns.ended.wait(None if tick is None else _LOOK_S):
                if tick is not None:
                    tick()
        finally:
            turns.stop()  # After Ctrl-C no further item is begun.
        if tick is not None:
            tick()
        if turns.error is not None:
            raise turns.error


class _Turns(Generic[Item]):
    """What one caller wants done."""

    def __init__(self, pool: ThreadPoolExecutor, todo: deque[Item], do: Callable[[Item], None]) -> None:
        self._pool, self._todo, self._do = pool, todo, do
        self._lock = threading.Lock()
        self._taking = 0
        self.error: BaseException | None = None
        self.ended = threading.Event()

    def begin(self, most: int) -> None:
        self._taking = min(most, len(self._todo))
        if not self._taking:
            self.ended.set()
        for _ in range(self._taking):
            self._pool.submit(self._take_turn)

    def stop(self) -> None:
        self._todo.clear()

    def _take_turn(self) -> None:
        """Do one item, and queue up again behind the other callers."""
        try:
            for item in self._next():
                self._do(item)
            if self._todo:
                self._pool.submit(self._take_turn)
                return
        except BaseException as error:
            self.error = self.error or error
            self._todo.clear()
        with self._lock:
            self._taking -= 1
            if not self._taking:
                self.ended.set()

    def _next(self) -> list[Item]:
        try:
            return [self._todo.popleft()]
        except IndexError:  # Another thread took the last one.
            return []
