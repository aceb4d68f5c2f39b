"""Groups by meaning, and the words that tell them apart."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from instill.index.clusters import cluster, cluster_terms
from instill.models.encoders.protocol import Vectors


def unit(rows: list[list[float]]) -> Vectors:
    vectors = np.array(rows, dtype=np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def random_vectors(seed: int, count: int) -> Vectors:
    return unit(np.random.default_rng(seed).standard_normal((count, 5)).tolist())


def test_three_groups() -> None:
    vectors = unit([[1, 0, 0], [0, 1, 0], [0.9, 0.1, 0], [0, 0, 1], [0, 0.95, 0.1]])
    assert cluster(vectors, threshold=0.8) == [[0, 2], [1, 4], [3]]


def test_the_average_of_a_group_counts_not_its_nearest_member() -> None:
    # A chain 0 - 1 - 2 with 45 degrees between neighbours: 2 is near 1 but not near the pair {0, 1}.
    vectors = unit([[1, 0], [1, 1], [0, 1]])
    assert cluster(vectors, threshold=0.7) == [[0, 1], [2]]
    assert cluster(vectors, threshold=0.35) == [[0, 1, 2]]


def test_nothing_and_one() -> None:
    assert cluster(np.empty((0, 4), np.float32), threshold=0.5) == []
    assert cluster(unit([[1, 2]]), threshold=0.5) == [[0]]


@given(seed=st.integers(0, 10_000), count=st.integers(1, 20), threshold=st.floats(-1, 1))
def test_groups_partition_and_are_as_tight_as_promised(seed: int, count: int, threshold: float) -> None:
    vectors = random_vectors(seed, count)
    groups = cluster(vectors, threshold=threshold)
    assert sorted(index for group in groups for index in group) == list(range(count))
    assert groups == sorted(sorted(group) for group in groups)
    cosines = vectors @ vectors.T
    for number, group in enumerate(groups):
        for other in groups[:number]:
            assert cosines[np.ix_(group, other)].mean() < threshold + 1e-5


def test_higher_thresholds_give_more_groups() -> None:
    vectors = random_vectors(1, 30)
    counts = [len(cluster(vectors, threshold=threshold)) for threshold in (-1.0, 0.0, 0.5, 0.9, 1.01)]
    assert counts == sorted(counts)
    assert counts[0] == 1
    assert counts[-1] == 30


def test_terms_tell_groups_apart() -> None:
    rent = ["The rent rose in May.", "Rent is due monthly.", "Late rent costs a fee."]
    sales = ["Sales rose in May.", "Monthly sales are up."]
    assert cluster_terms(rent, others=sales, count=1) == ["rent"]
    assert cluster_terms(sales, others=rent, count=1) == ["sales"]
    assert "the" not in cluster_terms(rent, count=50)
    assert cluster_terms([]) == []
    assert len(cluster_terms(rent, count=2)) == 2


def test_terms_of_other_scripts() -> None:
    assert cluster_terms(["поиск работает", "поиск быстрый"], count=1) == ["поиск"]
