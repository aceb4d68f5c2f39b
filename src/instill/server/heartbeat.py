"""Whether the event loop is ever held up: whatever holds it keeps everybody waiting."""

from __future__ import annotations

import asyncio
import time

EVERY_S = 0.01
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Heartbeat:
    """Asks the event loop every 10 ms to wake it, and counts by how much later it does.

    Example:
        >>> heart = Heartbeat()
        >>> heart.note(0.03)
        >>> heart.within(0.05), heart.within(0.025)
        (1, 0)
    """

    def __init__(self) -> None:
        self._counts = [0] * len(BOUNDS)
        self.count = 0
        self.seconds = 0.0

    async def beat(self) -> None:
        """Until it is cancelled."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(EVERY_S)
            self.note(max(0.0, time.perf_counter() - began - EVERY_S))

    def note(self, late: float) -> None:
        """One beat that came so many seconds late."""
        self.count += 1
        self.seconds += late
        for place, bound in enumerate(BOUNDS):
            self._counts[place] += late <= bound

    def within(self, bound: float) -> int:
        """How many beats were at most so many seconds late; one of `BOUNDS`."""
        return self._counts[BOUNDS.index(bound)]

    def lines(self) -> list[str]:
        """All of it in Prometheus's form."""
        name = "instill_event_loop_late_seconds"
        held = [f'{name}_bucket{{le="{bound:g}"}} {self.within(bound)}' for bound in BOUNDS]
        total = [
            f'{name}_bucket{{le="+Inf"}} {self.count}',
            f"{name}_sum {self.seconds:.6f}",
            f"{name}_count {self.count}",
        ]
        return [f"# TYPE {name} histogram", *held, *total]
