"""Every `Fusion` keeps the promises of its protocol; each implementation gives its own numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from instill.index.fusion import Fusion, ReciprocalRankFusion, Scores, ZScoreFusion, fusion_named

FUSIONS: list[Fusion] = [
    ZScoreFusion(0.0),
    ZScoreFusion(0.6),
    ZScoreFusion(0.6, damping=0),
    ZScoreFusion(1.0),
    ReciprocalRankFusion(),
]
sizes = st.shared(st.integers(1, 30), key="candidates")
bm25 = arrays.arrays(np.float64, sizes, elements=st.integers(0, 300).map(lambda n: n / 10))
cosine = arrays.arrays(np.float64, sizes, elements=st.integers(-100, 100).map(lambda n: n / 100))


@pytest.mark.parametrize("fusion", FUSIONS, ids=repr)
class TestConformance:
    @given(keyword=bm25, vector=cosine)
    def test_one_finite_score_a_candidate(self, fusion: Fusion, keyword: Scores, vector: Scores) -> None:
        fused = fusion.fuse(keyword, vector)
        assert fused.shape == keyword.shape
        assert np.isfinite(fused).all()

    @given(keyword=bm25, vector=cosine)
    def test_no_worse_on_both_legs_is_no_worse(self, fusion: Fusion, keyword: Scores, vector: Scores) -> None:
        fused = fusion.fuse(keyword, vector)
        dominates = (keyword[:, None] >= keyword[None, :]) & (vector[:, None] >= vector[None, :])
        assert (fused[:, None] - fused[None, :] >= -1e-9)[dominates].all()

    @given(keyword=bm25, vector=cosine, seed=st.integers(0, 1000))
    def test_the_order_of_candidates_does_not_matter(
        self, fusion: Fusion, keyword: Scores, vector: Scores, seed: int
    ) -> None:
        order = np.random.default_rng(seed).permutation(len(keyword))
        shuffled = fusion.fuse(keyword[order], vector[order])
        assert shuffled == pytest.approx(fusion.fuse(keyword, vector)[order], abs=1e-9)

    @given(keyword=bm25, vector=cosine, scale=st.floats(0.01, 100))
    def test_the_scale_of_a_leg_does_not_matter(
        self, fusion: Fusion, keyword: Scores, vector: Scores, scale: float
    ) -> None:
        plain = fusion.fuse(keyword, vector)
        assert fusion.fuse(keyword * scale, vector) == pytest.approx(plain, abs=1e-6)
        assert fusion.fuse(keyword, vector * scale) == pytest.approx(plain, abs=1e-6)

    def test_no_candidates(self, fusion: Fusion) -> None:
        assert fusion.fuse(np.empty(0), np.empty(0)).shape == (0,)

    @given(vector=cosine)
    def test_a_silent_keyword_leg_leaves_the_order_of_the_vectors(self, fusion: Fusion, vector: Scores) -> None:
        fused = fusion.fuse(np.zeros_like(vector), vector)
        better = vector[:, None] > vector[None, :]
        assert (fused[:, None] >= fused[None, :])[better].all()


@given(keyword=bm25, vector=cosine, shift=st.floats(-50, 50))
def test_zscore_does_not_depend_on_a_shift(keyword: Scores, vector: Scores, shift: float) -> None:
    fusion = ZScoreFusion(0.6, damping=0)
    assert fusion.fuse(keyword + shift, vector) == pytest.approx(fusion.fuse(keyword, vector), abs=1e-6)


def test_zscore_by_hand() -> None:
    # keyword: mean 2, deviation 2; vector: mean 0.5, deviation 0.1
    fused = ZScoreFusion(0.75, damping=0).fuse(np.array([4.0, 0.0]), np.array([0.4, 0.6]))
    assert fused == pytest.approx([0.25 * 1 - 0.75 * 1, -0.25 * 1 + 0.75 * 1])
    # damped by half the largest score: 2 / (2 + 2) and 0.1 / (0.1 + 0.3)
    fused = ZScoreFusion(0.75, damping=0.5).fuse(np.array([4.0, 0.0]), np.array([0.4, 0.6]))
    assert fused == pytest.approx([0.25 * 0.5 - 0.75 * 0.25, -0.25 * 0.5 + 0.75 * 0.25])


def test_zscore_of_one_candidate_is_zero() -> None:
    assert ZScoreFusion().fuse(np.array([3.0]), np.array([0.4])).tolist() == [0.0]


def test_reciprocal_rank_by_hand() -> None:
    fused = ReciprocalRankFusion(60).fuse(np.array([5.0, 5.0, 0.0]), np.array([0.1, 0.3, 0.2]))
    assert fused == pytest.approx([1 / 61 + 1 / 63, 1 / 61 + 1 / 61, 1 / 62])


def test_by_name() -> None:
    assert fusion_named("zscore", vector_weight=0.7) == ZScoreFusion(0.7)
    assert fusion_named("rrf") == ReciprocalRankFusion()
