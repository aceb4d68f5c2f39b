"""The rows of an epoch: exact counts, nothing lost, replay used up before it comes again."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.train.generator.data.mix import mixed, replay_count

sizes = st.integers(0, 60)
shares = st.floats(0, 0.9)


@settings(max_examples=40)
@given(new=sizes, old=st.integers(1, 40), share=shares, seed=st.integers(0, 5), epoch=st.integers(0, 20))
def test_all_new_rows_come_once_and_replay_in_its_share(
    new: int, old: int, share: float, seed: int, epoch: int
) -> None:
    rows, replay = [f"new {number}" for number in range(new)], [f"old {number}" for number in range(old)]
    found = mixed(rows, replay, share, seed, epoch)
    drawn = found[new:]
    assert found[:new] == rows
    assert set(drawn) <= set(replay)
    assert len(drawn) == replay_count(new, share)
    assert abs(len(drawn) - share * len(found)) <= 0.5  # the nearest whole number
    assert mixed(rows, replay, share, seed, epoch) == found


@settings(max_examples=40)
@given(new=sizes, old=st.integers(1, 20), share=shares, seed=st.integers(0, 5), epochs=st.integers(1, 6))
def test_no_replay_comes_again_before_all_of_it_was_used(
    new: int, old: int, share: float, seed: int, epochs: int
) -> None:
    replay = list(range(old))
    drawn = [each for epoch in range(epochs) for each in mixed([-1] * new, replay, share, seed, epoch)[new:]]
    for start in range(0, len(drawn), old):
        part = drawn[start : start + old]
        assert len(set(part)) == len(part)
    counts = Counter(dict.fromkeys(replay, 0))
    counts.update(drawn)
    assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize(("new", "share", "count"), [(30, 0.25, 10), (100, 0.01, 1), (9, 0.9, 81), (10, 0, 0)])
def test_counts(new: int, share: float, count: int) -> None:
    assert replay_count(new, share) == count


def test_without_replay_the_rows_are_all() -> None:
    assert mixed(["a", "b"], [], 0.5, 0, 0) == ["a", "b"]


def test_epochs_and_seeds_draw_differently() -> None:
    rows, replay = list(range(30)), list(range(100, 200))
    assert set(mixed(rows, replay, 0.25, 0, 0)[30:]).isdisjoint(mixed(rows, replay, 0.25, 0, 1)[30:])
    assert mixed(rows, replay, 0.25, 0, 0) != mixed(rows, replay, 0.25, 1, 0)


def test_a_share_of_all_is_refused() -> None:
    with pytest.raises(ValueError, match="share"):
        mixed([1], [2], 1.0, 0, 0)
