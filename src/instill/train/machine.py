"""What the machine can do, and what a training may keep of its memory."""

from __future__ import annotations

import psutil
import torch

from instill.common.freed_memory import hand_back_memory

KEPT_SHARE = 8
"""Of the machine's memory, one part in so many may be kept though nobody uses it."""


def bf16_is_fast() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def hand_back_most() -> bool:
    """Hand freed memory back if more than the `KEPT_SHARE`-th part of the machine's memory is kept; whether it was."""
    return hand_back_memory(psutil.virtual_memory().total // KEPT_SHARE)
