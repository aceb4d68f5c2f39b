"""What the machine can do, and how to make it fast."""

from __future__ import annotations

import ctypes

import psutil
import torch

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # parameters of mallopt(3)

KEPT_SHARE = 8
"""Of the machine's memory, one part in so many may be kept though nobody uses it."""


class _Mallinfo2(ctypes.Structure):
    """What mallinfo2(3) tells, in bytes; `fordblks` is free and kept."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def bf16_is_fast() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def keep_freed_memory() -> None:
    """Let the C library keep the memory that each step frees instead of handing it back and faulting it in again.

    Where the library has no such switch nothing happens; it saves about a sixth of the time on Linux. Blocks of many
    sizes leave gaps, so what is kept grows: call `hand_back_memory` after each step.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, -1)


def hand_back_memory(most: int | None = None) -> bool:
    """Hand free memory back to the system if more than `most` bytes are kept; whether that was done.

    Args:
        most: by default the `KEPT_SHARE`-th part of the machine's memory.
    """
    try:
        library = ctypes.CDLL(None)
        info, trim = library.mallinfo2, library.malloc_trim
    except (OSError, AttributeError, TypeError):
        return False  # Not glibc 2.33 or later: nothing was kept that this could see.
    info.restype = _Mallinfo2
    if info().fordblks <= (psutil.virtual_memory().total // KEPT_SHARE if most is None else most):
        return False
    trim(0)
    return True
