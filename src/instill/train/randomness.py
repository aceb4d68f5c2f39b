"""The state of the random numbers that training draws: set by a seed, kept in checkpoints, put back when a run goes on.

Dropout draws from torch, of which the CPU and each GPU have their own numbers; what a model's code or a library draws
besides comes from Python and numpy.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

_CPU, _CUDA = "random.cpu", "random.cuda."


def seed_all(seed: int) -> None:
    """Let all random numbers of this process begin at `seed`, from 0 to 2^63 - 1."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def random_state() -> tuple[dict[str, Tensor], str]:
    """The state as it is now.

    Returns:
        uint8 tensors by name, one for the CPU and one for each GPU that torch has begun to use; and the state of
        Python and numpy as JSON.
    """
    tensors = {_CPU: torch.get_rng_state()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        tensors |= {f"{_CUDA}{number}": state for number, state in enumerate(torch.cuda.get_rng_state_all())}
    version, numbers, gauss = random.getstate()
    name, key, *rest = np.random.get_state(legacy=True)
    return tensors, json.dumps({"python": [version, numbers, gauss], "numpy": [name, np.asarray(key).tolist(), *rest]})


def restore(names: Iterable[str], tensor: Callable[[str], Tensor], others: str) -> None:
    """Put a state back that `random_state` gave.

    Args:
        names: of all tensors that are kept; those of no random state are left alone, and so are those of GPUs that
            this machine does not have.
        tensor: gives one by its name.

    Raises:
        ValueError, TypeError, KeyError, RuntimeError: it is no such state.
    """
    found = json.loads(others)
    version, numbers, gauss = found["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, key, place, has_gauss, cached = found["numpy"]
    np.random.set_state((name, np.array(key, np.uint32), place, has_gauss, cached))
    torch.set_rng_state(tensor(_CPU))
    for each in sorted(names):
        number = each.removeprefix(_CUDA)
        if number != each and number.isdecimal() and int(number) < torch.cuda.device_count():
            torch.cuda.set_rng_state(tensor(each), int(number))
