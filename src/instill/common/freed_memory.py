"""Memory that a process has freed and its C library keeps: whether to keep it, and handing it back to the system."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8  # parameters of mallopt(3)


class _Mallinfo2(ctypes.Structure):
    """What mallinfo2(3) tells, in bytes; `fordblks` is free and kept."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def keep_freed_memory() -> None:
    """Let the C library keep the memory that each step frees instead of handing it back and faulting it in again.

    Where the library has no such switch nothing happens; it saves about a sixth of the time on Linux. Blocks of many
    sizes leave gaps, so what is kept grows: call `hand_back_memory` after each step.
    """
    _mallopt(_M_MMAP_MAX, 0)
    _mallopt(_M_TRIM_THRESHOLD, -1)


def share_freed_memory(arenas: int = 2) -> None:
    """Let all threads take memory from the same few reserves ("arenas") of the C library.

    By default each thread has one, up to eight a core, which keeps up to 64 MB of what its thread freed, and no other
    thread uses that: a server with many threads grows for hours. Call it before the threads start. Where the library
    has no such switch nothing happens.
    """
    _mallopt(_M_ARENA_MAX, arenas)


def hand_back_memory(most: int) -> bool:
    """Hand free memory back to the system if more than `most` bytes of it are kept; whether that was done.

    Example:
        >>> hand_back_memory(most=1 << 50)
        False
    """
    try:
        library = ctypes.CDLL(None)
        info, trim = library.mallinfo2, library.malloc_trim
    except (OSError, AttributeError, TypeError):
        return False  # Not glibc 2.33 or later: nothing was kept that this could see.
    info.restype = _Mallinfo2
    if info().fordblks <= most:
        return False
    trim(0)
    return True


def _mallopt(parameter: int, value: int) -> None:
    with suppress(OSError, AttributeError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(parameter, value)
