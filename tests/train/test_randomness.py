"""The state of random numbers: what is put back goes on as if nothing had been drawn in between."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch

from instill.train.randomness import random_state, restore, seed_all


def drawn(device: str = "cpu") -> tuple[Any, ...]:
    gauss = random.gauss(0, 1), float(np.random.standard_normal())
    return gauss, random.random(), float(np.random.random()), torch.rand(3, device=device).tolist()


@pytest.mark.parametrize("seed", [0, 7, 2**40])
@pytest.mark.parametrize("before", [0, 1, 3])
def test_random_numbers_go_on(seed: int, before: int) -> None:
    seed_all(seed)
    for _ in range(before):
        drawn()
    tensors, others = random_state()
    expected = [drawn(), drawn()]
    seed_all(seed + 1)
    assert drawn() != expected[0]
    restore(tensors, tensors.__getitem__, others)
    assert [drawn(), drawn()] == expected


def test_a_seed_is_where_all_of_them_begin() -> None:
    seed_all(3)
    first = drawn()
    assert drawn() != first
    seed_all(3)
    assert drawn() == first


def test_the_state_of_a_device_that_is_not_here_is_left_alone() -> None:
    tensors, others = random_state()
    more = {**tensors, "random.cuda.99": torch.zeros(16, dtype=torch.uint8), "weight.a": torch.zeros(1)}
    expected = drawn()
    restore(more, more.__getitem__, others)
    assert drawn() == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_random_numbers_of_a_gpu_go_on() -> None:
    seed_all(5)
    drawn("cuda")
    tensors, others = random_state()
    expected = drawn("cuda")
    seed_all(6)
    restore(tensors, tensors.__getitem__, others)
    assert drawn("cuda") == expected
