"""Turns: how many questions are answered at once, who is next, and how long anybody waits.

An answer takes the processor for most of its time. If all that come were worked on together, all of them would be ready
late, and none earlier. So a few are answered, and the others wait in lines, one line for each caller. The lines take
turns: who asks sixty questions at once does not keep somebody with one question waiting for sixty answers.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from types import TracebackType
from typing import Literal

from instill.server.errors import Refused
from instill.server.request_lifetime import Visit

Reason = Literal["full", "late", "left"]
REASONS: tuple[Reason, ...] = ("full", "late", "left")
"""Why a question was not answered: too many wait, it waited too long, nobody waits for the answer any more."""

CLIENT_LEFT = 499
"""Nobody reads this status, but it is counted in /metrics; the number is the one that other servers use."""

_NEW_SHARE = 0.2
_LONGEST_S = 300


class Turns:
    """The turns of one server.

    Args:
        at_once: questions that are answered at the same time, 1 or more.
        waiting: questions that may wait, 0 or more; those beyond are refused.
        seconds: the longest wait.
        clock: seconds that only go up.

    Example:
        >>> turns = Turns(1, waiting=0, seconds=1)
        >>> with turns.take("ann", Visit()):
        ...     turns.running, turns.waiting
        (1, 0)
    """

    def __init__(
        self, at_once: int, *, waiting: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.at_once, self.most_waiting, self.seconds = at_once, waiting, seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: OrderedDict[str, deque[_Place]] = OrderedDict()
        self._mean = 1.0  # seconds of an answer, of late
        self._is_closed = False
        self.running = 0
        self.refused: Counter[Reason] = Counter()
        self.waited_seconds = 0.0
        self.begun = 0

    @property
    def waiting(self) -> int:
        """Questions that wait."""
        return sum(map(len, self._lines.values()))

    def take(self, caller: str, visit: Visit) -> Turn:
        """Wait until it is this caller's turn. The turn lasts until it is left (`with`), or dropped.

        Raises:
            Refused: 503 when too many wait, or when it took too long; 499 when nobody waits for the answer any more.
        """
        began = self._clock()
        place = _Place()
        with self._lock:
            if self.running < self.at_once and not self._lines and not self._is_closed:
                return self._given(0.0)
            if self._is_closed or (self.waiting >= self.most_waiting and not self._made_room(caller)):
                raise self._busy("full")
            self._lines.setdefault(caller, deque()).append(place)
        visit.when_gone(place.ready.set)
        place.ready.wait(self.seconds)
        with self._lock:
            if place.state == "given":
                turn = self._given(self._clock() - began, counted=True)
            elif place.state == "pushed out":
                raise self._busy("full")
            else:
                self._remove(caller, place)
                if not visit.is_gone:
                    raise self._busy("late")
                turn = None
        if turn is None or visit.is_gone:
            if turn is not None:
                turn.drop()
            self.refused["left"] += 1
            raise left()
        return turn

    def close(self) -> None:
        """The server ends: whoever still waits is refused, and so is whoever comes."""
        with self._lock:
            self._is_closed = True
            lines, self._lines = self._lines, OrderedDict()
            for place in (place for line in lines.values() for place in line):
                place.state = "pushed out"
                place.ready.set()

    def retry_after(self) -> int:
        """Seconds until a question that comes then is likely to be answered soon, 1 to 300."""
        return max(1, min(_LONGEST_S, round(self._mean * (self.waiting + 1) / self.at_once)))

    def lines(self) -> list[str]:
        """All of it in Prometheus's form."""
        refused = [f'instill_answers_refused_total{{reason="{each}"}} {self.refused[each]}' for each in REASONS]
        return [
            "# TYPE instill_answers_running gauge",
            f"instill_answers_running {self.running}",
            "# TYPE instill_answers_waiting gauge",
            f"instill_answers_waiting {self.waiting}",
            "# TYPE instill_answers_refused_total counter",
            *refused,
            "# TYPE instill_answers_waited_seconds summary",
            f"instill_answers_waited_seconds_sum {self.waited_seconds:.6f}",
            f"instill_answers_waited_seconds_count {self.begun}",
        ]

    # -- under the lock ----------------------------------------------------------------------------------------

    def _given(self, waited: float, *, counted: bool = False) -> Turn:
        self.running += not counted
        self.begun += 1
        self.waited_seconds += waited
        return Turn(self)

    def _made_room(self, caller: str) -> bool:
        """The last of the longest line gives way to a caller whose own line stays shorter."""
        longest = max(self._lines, key=lambda name: len(self._lines[name]), default="")
        if len(self._lines.get(longest, ())) <= len(self._lines.get(caller, ())) + 1:
            return False
        last = self._lines[longest].pop()
        last.state = "pushed out"
        last.ready.set()
        return True

    def _remove(self, caller: str, place: _Place) -> None:
        line = self._lines[caller]
        line.remove(place)
        if not line:
            del self._lines[caller]

    def _ended(self, took: float | None) -> None:
        with self._lock:
            self.running -= 1
            if took is not None:
                self._mean += _NEW_SHARE * (took - self._mean)
            while self.running < self.at_once and self._lines:
                caller, line = self._lines.popitem(last=False)
                place = line.popleft()
                if line:
                    self._lines[caller] = line
                self.running += 1
                place.state = "given"
                place.ready.set()

    def _busy(self, reason: Reason) -> Refused:
        self.refused[reason] += 1
        seconds = self.retry_after()
        return Refused(
            503,
            "Many questions are being answered at the moment.",
            remedy=f"Ask again in {seconds} s.",
            headers={"retry-after": str(seconds)},
        )


class _Place:
    """A place in a line."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.state: Literal["waiting", "given", "pushed out"] = "waiting"


class Turn:
    """The right to be answered now; given back when its `with` ends."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._lock = threading.Lock()
        self._began: float | None = None
        self._is_over = False

    def __enter__(self) -> Turn:
        """The work begins: from now on only its end ends the turn.

        Raises:
            Refused: it was given back before, because nobody waits for the answer any more.
        """
        with self._lock:
            if self._is_over:
                raise left()
            self._began = self._turns._clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def drop(self) -> None:
        """Give it back, if the work has not begun."""
        self._end(only_unused=True)

    def _end(self, *, only_unused: bool = False) -> None:
        with self._lock:
            if self._is_over or (only_unused and self._began is not None):
                return
            self._is_over = True
        self._turns._ended(None if self._began is None else self._turns._clock() - self._began)


def left() -> Refused:
    """Who asked is gone."""
    return Refused(CLIENT_LEFT, "Who asked has left.")
