"""Memory: what is free on the device that trains, and the most that was taken while something ran."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

import psutil
import torch

_EVERY_S = 0.002
_GROUP = Path("/sys/fs/cgroup")


def free_memory(device: torch.device) -> int:
    """Bytes that can still be taken; in a container, up to its limit."""
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0] + cached)
    free = int(psutil.virtual_memory().available)
    left = _left_in_group(_GROUP)
    return free if left is None else min(free, left)


class PeakMemory:
    """Inside, the most memory that is taken beyond what was taken before; `bytes` afterwards.

    On a CPU the process is looked at every two milliseconds, so what memory the process had free already is not seen.
    """

    def __init__(self, device: torch.device) -> None:
        self.bytes = 0
        self._device = device
        self._over = threading.Event()

    def __enter__(self) -> PeakMemory:
        self._before = self._taken()
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        else:
            self._watch = threading.Thread(target=self._look, daemon=True)
            self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._device.type == "cuda":
            self.bytes = int(torch.cuda.max_memory_allocated(self._device)) - self._before
            return
        self._over.set()
        self._watch.join()
        self.bytes = max(self.bytes, self._taken() - self._before)

    def _look(self) -> None:
        while not self._over.wait(_EVERY_S):
            self.bytes = max(self.bytes, self._taken() - self._before)

    def _taken(self) -> int:
        if self._device.type == "cuda":
            return int(torch.cuda.memory_allocated(self._device))
        return int(psutil.Process().memory_info().rss)


def _left_in_group(folder: Path) -> int | None:
    """What the control group that the process is in may still take; None where there is no limit."""
    try:
        limit = int((folder / "memory.max").read_text())
        taken = int((folder / "memory.current").read_text())
        counts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no such file system, or "max"
        return None
    # Files that were read are kept only as long as nobody needs the room.
    return max(0, limit - taken + int(counts.get("inactive_file", 0)))
