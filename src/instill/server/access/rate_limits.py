"""How often one key, or one address, may ask: a bucket that fills evenly and holds a sixth of a minute's requests.

`TokenBuckets` is the buckets, `RateLimits` says what is counted in which.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from instill.server.access.caller_role import Who
from instill.server.errors import Refused

_KNOWN = 10_000
_BURST = 6
_BAD_KEYS_A_MINUTE = 60


class TokenBuckets:
    """Buckets by name; the least recently used are forgotten, which makes them full again.

    Args:
        clock: seconds that only go up.

    Example:
        >>> buckets = TokenBuckets(clock=lambda: 0.0)
        >>> [buckets.wait("ann", per_minute=12) for _ in range(3)]
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


class RateLimits:
    """What requests count for: a key, an address without one, a visitor of a web site, a key that is not known.

    Args:
        per_minute: requests of one key or address.
        per_visitor: requests of one address with a public key, which all visitors of a web site share.
    """

    def __init__(self, per_minute: int, per_visitor: int, buckets: TokenBuckets | None = None) -> None:
        self._per_minute, self._per_visitor = per_minute, per_visitor
        self._buckets = buckets or TokenBuckets()

    def count(self, who: Who | None, address: str) -> None:
        """Count a request of somebody who is known, or of an address.

        Raises:
            Refused: it is one too many; so for the other methods.
        """
        if who is None or who.way == "open":
            self.count_address(address)
            return
        if who.role == "public":  # First: one visitor who asks without end does not use up what the others have.
            self._take(f"visitor:{who.key_id}:{address}", self._per_visitor)
        self._take("key:" + who.key_id, who.rate or self._per_minute)

    def count_address(self, address: str) -> None:
        """Count a request of which only the address is known."""
        self._take("address:" + address, self._per_minute)

    def count_bad_key(self, address: str) -> None:
        """Count a request with a key that is not known."""
        self._take("bad:" + address, _BAD_KEYS_A_MINUTE)

    def _take(self, name: str, per_minute: float) -> None:
        seconds = self._buckets.wait(name, per_minute)
        if seconds:
            raise Refused(
                429,
                "Too many requests in a minute.",
                remedy=f"Wait {max(1, round(seconds))} s; requests_per_minute under [server] sets the rate.",
                headers={"retry-after": str(max(1, round(seconds)))},
            )
