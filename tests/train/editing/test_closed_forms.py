"""The closed forms: each does what its paper says, exactly or within the bound that follows from it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.train.editing.closed_forms import alpha, anchored, null_projection, rome, second_moment, ultra

SEEDS = st.integers(min_value=0, max_value=2**31)
SIZES = st.tuples(st.integers(2, 12), st.integers(2, 9))


def random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(SEEDS, SIZES)
@settings(max_examples=40, deadline=None)
def test_rome_gives_the_value_for_the_key_and_no_change_that_does_moves_other_keys_less(
    seed: int, sizes: tuple[int, int]
) -> None:
    wide, out = sizes
    weight, key, value = random(seed, out, wide), random(seed + 1, wide), random(seed + 2, out)
    moment = second_moment(random(seed + 3, 3 * wide, wide))
    change = rome(weight, moment, key, value)
    assert torch.allclose((weight + change) @ key, value, atol=1e-8)
    assert torch.linalg.matrix_rank(change) <= 1
    # Any other change that gives the value: this one and one that does nothing to the key.
    other = random(seed + 4, out, wide)
    nothing = other - torch.outer(other @ key, key) / (key @ key)
    same = moment + 1e-3 * moment.diagonal().mean() * torch.eye(wide, dtype=torch.float64)

    def moved(by: torch.Tensor) -> float:
        return float((by @ same @ by.T).trace())

    assert moved(change) <= moved(change + 0.01 * nothing) + 1e-9


@given(SEEDS, SIZES, st.floats(0.01, 1.0))
@settings(max_examples=40, deadline=None)
def test_a_change_in_the_null_space_moves_what_must_stay_within_the_bound(
    seed: int, sizes: tuple[int, int], share: float
) -> None:
    wide, out = sizes
    keys = random(seed, 4 * wide, wide) * torch.logspace(0, -4, wide, dtype=torch.float64)
    moment = second_moment(keys)
    projection = null_projection(moment, share)
    assert torch.allclose(projection @ projection, projection, atol=1e-9)
    assert torch.allclose(projection, projection.T)
    change = random(seed + 1, out, wide) @ projection
    moved = float((keys @ change.T).square().sum(1).mean().sqrt())
    assert moved <= float(change.norm()) * float(share * moment.diagonal().mean()) ** 0.5 + 1e-9


@given(SEEDS, st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_alphaedit_leaves_keys_of_another_subspace_as_they_are_and_gives_the_edits_what_they_lack(
    seed: int, edits: int
) -> None:
    wide, out, used = 12, 5, 6
    basis, _ = torch.linalg.qr(random(seed, wide, wide))
    kept = random(seed + 1, 40, used) @ basis[:, :used].T
    keys = random(seed + 2, edits, wide)
    missing = random(seed + 3, edits, out)
    projection = null_projection(second_moment(kept), 1e-6)
    change = alpha(projection, keys, missing, ridge=1e-10)
    assert float((kept @ change.T).abs().max()) < 1e-7
    assert torch.allclose(keys @ change.T, missing, atol=1e-4)
    assert torch.allclose(change @ projection, change, atol=1e-9)


def test_alphaedit_without_any_free_direction_changes_nothing() -> None:
    projection = null_projection(torch.eye(3), 0.5)
    assert float(projection.abs().max()) == 0
    assert float(alpha(projection, torch.ones(2, 3), torch.ones(2, 4)).abs().max()) == 0


@given(SEEDS, SIZES, st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_ultraedit_is_where_the_ridge_loss_has_no_slope_and_goes_against_the_gradient(
    seed: int, sizes: tuple[int, int], count: int
) -> None:
    wide, out = sizes
    keys, gradients = random(seed, count, wide), random(seed + 1, count, out)
    moment = second_moment(random(seed + 2, 3 * wide, wide))
    change = ultra(keys, gradients, moment)
    other = moment + 1e-2 * moment.diagonal().mean() * torch.eye(wide, dtype=torch.float64)
    slope = keys.T @ (keys @ change.T + gradients) / count + other @ change.T
    assert float(slope.abs().max()) < 1e-9 * (1 + float(gradients.abs().max()) * float(keys.abs().max()))
    assert float(((keys @ change.T) * gradients).sum()) <= 1e-9


@given(SEEDS, SIZES, st.floats(0.1, 8.0))
@settings(max_examples=40, deadline=None)
def test_an_anchored_value_keeps_its_direction_and_is_no_longer_than_allowed(
    seed: int, sizes: tuple[int, int], most: float
) -> None:
    count, out = sizes
    values, anchors = 5 * random(seed, count, out), random(seed + 1, count, out)
    found = anchored(values, anchors, most)
    for value, anchor, given_back in zip(values, anchors, found, strict=True):
        longest = most * float(anchor.norm())
        assert float(given_back.norm()) <= longest * (1 + 1e-9) or torch.equal(given_back, value)
        assert float(given_back.norm()) == pytest.approx(min(longest, float(value.norm())))
        assert torch.nn.functional.cosine_similarity(value, given_back, dim=0) == pytest.approx(1.0)
