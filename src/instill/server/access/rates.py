"""How often one key, or one address, may ask: a bucket that fills evenly and holds a sixth of a minute's requests."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_KNOWN = 10_000
_BURST = 6


class Rates:
    """Buckets by name; the least recently used are forgotten, which makes them full again.

    Args:
        clock: seconds that only go up.

    Example:
        >>> rates = Rates(clock=lambda: 0.0)
        >>> [rates.wait("ann", per_minute=12) for _ in range(3)]
        [0.0, 0.0, 5.0]
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, name: str, per_minute: float) -> float:
        """Take one request from the bucket; 0.0, or the seconds until there is one, and nothing is taken."""
        holds = max(1.0, math.ceil(per_minute / _BURST))
        now = self._clock()
        with self._lock:
            left, at = self._buckets.pop(name, (holds, now))
            left = min(holds, left + (now - at) * per_minute / 60)
            enough = left >= 1
            self._buckets[name] = (left - 1 if enough else left, now)
            while len(self._buckets) > _KNOWN:
                self._buckets.popitem(last=False)
        return 0.0 if enough else (1 - left) * 60 / per_minute
