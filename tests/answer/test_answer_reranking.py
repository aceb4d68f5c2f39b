"""Reranking by a reader's opinion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from instill.answer.reading.reader import Reading
from instill.answer.reading.reranking import mix, rerank
from instill.index.types import Hit


def hit(name: str, score: float, title: str = "Tea") -> Hit:
    return Hit(name, 0, 0, 4, name, "Brewing", None, None, "tea.md", "markdown", title, (), {}, score, 1.0, 0.5)


class Opinion:
    """A reader that finds each text as relevant as it is told, and notes what it was shown."""

    def __init__(self, relevant: dict[str, float]) -> None:
        self.relevant = relevant
        self.shown: list[tuple[str, str]] = []

    def read(self, question: str, passages: Sequence[tuple[str, str]], *, heads: Sequence[str] = ()) -> list[Reading]:
        self.shown += passages
        nothing = np.zeros(0, np.float32), np.zeros((0, 2), np.int64)
        return [Reading(0, 0, 0.0, 0.0, self.relevant[text], *nothing) for _, text in passages]


HITS = [hit("a", 3.0), hit("b", 2.0), hit("c", 1.0), hit("d", 0.5), hit("e", 0.5)]


def order(hits: Sequence[Hit]) -> str:
    return "".join(found.doc_id for found in hits)


@pytest.mark.parametrize(("weight", "expected"), [(0.0, "abcde"), (1.0, "bcade"), (0.3, "abcde"), (0.6, "bacde")])
def test_the_weight_decides_between_search_and_reader(weight: float, expected: str) -> None:
    reader = Opinion({"a": -2.0, "b": 4.0, "c": 1.0})
    assert order(rerank("q", HITS, reader, weight=weight, depth=3)) == expected


def test_only_the_first_hits_are_read_with_their_place() -> None:
    reader = Opinion({"a": 0.0, "b": 0.0})
    ranked = rerank("q", HITS, reader, weight=1.0, depth=2)
    assert reader.shown == [("Tea > Brewing", "a"), ("Tea > Brewing", "b")]
    assert order(ranked) == "abcde"  # an opinion that does not vary changes nothing


def test_scores_never_rise_down_the_list_and_keep_their_distances_below() -> None:
    reader = Opinion({"a": -2.0, "b": 4.0, "c": 1.0})
    ranked = rerank("q", HITS, reader, weight=0.7, depth=3)
    scores = [found.score for found in ranked]
    assert scores == sorted(scores, reverse=True)
    assert scores[2] - scores[3] == pytest.approx(0.5)
    assert scores[3] == scores[4]


def test_the_mixture_is_of_standard_scores() -> None:
    assert mix([3.0, 2.0, 1.0], [5.0, 5.0, 5.0], 0.5) == pytest.approx([0.5 * 1.5**0.5, 0.0, -0.5 * 1.5**0.5])


def test_nothing_to_rank_and_weights_out_of_range() -> None:
    assert rerank("q", [], Opinion({}), weight=0.5) == []
    for weight, depth in ((-0.1, 5), (1.1, 5), (0.5, 0)):
        with pytest.raises(ValueError, match="out of range"):
            rerank("q", HITS, Opinion({}), weight=weight, depth=depth)


def test_by_default_the_first_20_are_read() -> None:
    hits = [hit(f"h{place}", 30.0 - place) for place in range(25)]
    reader = Opinion({f"h{place}": float(place) for place in range(25)})
    ranked = rerank("q", hits, reader, weight=1.0)
    assert len(reader.shown) == 20
    assert [found.doc_id for found in ranked] == [f"h{place}" for place in (*range(19, -1, -1), *range(20, 25))]
    # Below the last that was read the distances are those of the search, and so is the first of them.
    scores = [found.score for found in ranked]
    assert scores[19] - scores[20] == pytest.approx(1.0)
    assert scores[:20] == pytest.approx(list(mix([0.0] * 20, [float(place) for place in range(19, -1, -1)], 1.0)))


def test_what_varies_by_rounding_only_is_no_opinion() -> None:
    assert mix([1.0, 1.0 + 1e-10], [0.0, 0.0], 0.0).tolist() == [0.0, 0.0]
    assert mix([0.0, 1e-8], [0.0, 0.0], 0.0) == pytest.approx([-1.0, 1.0])
    # Beside large numbers larger differences are rounding.
    assert mix([1e6, 1e6 + 5e-4], [0.0, 0.0], 0.0).tolist() == [0.0, 0.0]
    assert mix([1e6, 1e6 + 5e-3], [0.0, 0.0], 0.0) == pytest.approx([-1.0, 1.0], rel=1e-3)
    assert mix([1e-3, 2e-3], [5.0, 1.0], 0.25) == pytest.approx([-0.5, 0.5])


def test_the_ends_of_weight_and_depth_are_allowed() -> None:
    reader = Opinion({found.doc_id: 0.0 for found in HITS})
    assert order(rerank("q", HITS, reader, weight=0.0, depth=1)) == order(HITS)
    assert len(reader.shown) == 1
    assert order(rerank("q", HITS, reader, weight=1.0, depth=99)) == order(HITS)
