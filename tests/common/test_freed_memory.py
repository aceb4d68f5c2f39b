"""Memory that was freed: kept while it is little, and handed back when it has become much."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import psutil
import torch
from instill.common.freed_memory import hand_back_memory, keep_freed_memory

keep_freed_memory()
taken = lambda: psutil.Process().memory_info().rss >> 20
before = taken()
blocks = [torch.ones(1 << 20) for _ in range(100)]  # 4 MB each
live = blocks[1::2]
del blocks
full = taken() - before
kept = hand_back_memory(most=1 << 30), taken() - before
given = hand_back_memory(most=1 << 20), taken() - before
assert all(float(block.sum()) == 1 << 20 for block in live)
print(full, *kept, *given)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="another C library")
def test_gaps_between_what_is_in_use_are_handed_back() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True)
    full, did_keep, kept, did_give, given = done.stdout.split()
    assert (did_keep, did_give) == ("False", "True")
    assert int(full) >= 395
    assert int(kept) >= 395  # freed, and still here
    assert int(given) <= 215  # what is in use is 200


THREADS = """
import ctypes
import sys
import threading
from pathlib import Path

from instill.common.freed_memory import share_freed_memory

if sys.argv[1] == "shared":
    share_freed_memory()
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]
taken = lambda: int(Path("/proc/self/statm").read_text().split()[1]) * 4 // 1024
before, all_done = taken(), threading.Event()

def work(done):
    library.free(library.malloc(30 << 20))  # after a large block that was freed, more is kept
    blocks = [library.malloc(100_000) for _ in range(300)]
    for block in blocks:
        ctypes.memset(block, 1, 100_000)
    for block in blocks:
        library.free(block)
    done.set()
    all_done.wait()

for _ in range(8):  # one after the other, and none ends
    threading.Thread(target=work, args=(done := threading.Event(),)).start()
    done.wait()
print(taken() - before)
all_done.set()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="another C library")
def test_threads_take_what_others_freed() -> None:
    kept = {}
    for way in ("own", "shared"):
        command = [sys.executable, "-c", THREADS, way]
        kept[way] = int(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
    assert kept["own"] >= 8 * 25  # each thread's 30 MB
    assert kept["shared"] <= 2 * 35  # that of two
