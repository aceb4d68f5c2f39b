"""What clients of a service share: requests that are not too large, and waiting until something is seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from instill.errors import WorkspaceError

Item = TypeVar("Item")

_FASTEST_S, _SLOWEST_S = 0.02, 1.0


def in_parts(values: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    """The values in order, at most so many at a time.

    Example:
        >>> list(in_parts([1, 2, 3], 2))
        [[1, 2], [3]]
    """
    for start in range(0, len(values), most):
        yield values[start : start + most]


def in_requests(sized: Iterable[tuple[Item, int]], *, most: int, most_bytes: int) -> Iterator[list[Item]]:
    """Items with their sizes in bytes, put together until a request is full; one that is too large goes alone.

    Example:
        >>> list(in_requests([("a", 4), ("b", 4), ("c", 4), ("d", 40)], most=9, most_bytes=8))
        [['a', 'b'], ['c'], ['d']]
        >>> list(in_requests([], most=9, most_bytes=8))
        []
    """
    found: list[Item] = []
    size = 0
    for item, own in sized:
        if found and (size + own > most_bytes or len(found) == most):
            yield found
            found, size = [], 0
        found.append(item)
        size += own
    if found:
        yield found


def wait_until(is_seen: Callable[[], bool], seconds: float, *, late: str, where: str, remedy: str) -> None:
    """Look again and again, with longer pauses, until it is seen.

    Raises:
        WorkspaceError: it is not seen within so many seconds; `late` says what was not.

    Example:
        >>> looks = iter([False, False, True])
        >>> wait_until(lambda: next(looks), 5.0, late="It did not come.", where="", remedy="")
        >>> wait_until(lambda: False, 0.0, late="It did not come.", where="here", remedy="Wait.")
        Traceback (most recent call last):
        instill.errors.WorkspaceError: It did not come. (here) ...
    """
    until, pause = time.monotonic() + seconds, _FASTEST_S
    while not is_seen():
        if time.monotonic() > until:
            raise WorkspaceError(late, where=where, remedy=remedy)
        time.sleep(pause)
        pause = min(_SLOWEST_S, 1.5 * pause)
