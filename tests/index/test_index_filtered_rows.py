"""Labels and filters by a list of rows: nothing else is found than under the condition itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.index import filtered_rows, keyword_and_vector_search
from instill.index.filtered_rows import Sieve
from instill.index.fusion import ZScoreFusion
from instill.index.types import SearchRequest
from instill.settings import StoreSettings
from instill.testing.store_conformance import StoreConformance
from tests.index.index_builders import doc_id_of, document, encode, open_index

_SEARCHING = {
    "test_many_passages_are_searched_within_their_filter",
    "test_rankings_are_those_of_an_exact_search",
    "test_filters_mean_the_same",
    "test_a_caller_gets_what_an_index_of_the_visible_documents_would_give",
    "test_removed_is_removed",
    "test_names_and_labels_change_and_vectors_stay",
    "test_upkeep_changes_nothing_that_is_seen",
}


@pytest.fixture
def from_the_first_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filtered_rows, "FROM_ROWS", 0)


@pytest.mark.usefixtures("from_the_first_row")
class TestSifted(StoreConformance):
    """What the suite for stores says of searching, with small tables sifted as large ones are."""

    @pytest.fixture
    def settings(self) -> StoreSettings:
        return StoreSettings()


for _name in {name for name in dir(StoreConformance) if name.startswith("test_")} - _SEARCHING:
    setattr(TestSifted, _name, None)


@given(st.sets(st.integers(0, 2**63 - 1), max_size=30), st.lists(st.integers(0, 2**63 - 1), max_size=30))
def test_a_sieve_lets_through_what_is_in_it(rows: set[int], asked: list[int]) -> None:
    asked += sorted(rows)[::2]
    kept = Sieve(np.array(sorted(rows), dtype=np.int64), 10**6)
    assert kept.passing(np.array(asked, dtype=np.int64)).tolist() == [row in rows for row in asked]


def test_what_few_rows_pass_is_left_to_the_leg() -> None:
    assert Sieve(np.arange(500), 1000).depth(100) == 330
    assert Sieve(np.arange(100), 1_000_000).depth(100) is None
    assert Sieve(np.arange(0), 1_000_000).depth(100) is None
    assert Sieve(np.arange(1000), 50_000).depth(100) is None
    assert Sieve(np.arange(1000), 50_000).depth(100, filtered_rows.DEEPEST_BY_WORDS) == 7050


@pytest.mark.usefixtures("from_the_first_row")
def test_where_none_of_those_listed_passes_the_leg_is_searched_under_the_condition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The passages that are nearest to the question, in meaning and in words, are those that nobody may see."""
    index = open_index(tmp_path / "index")
    rng = np.random.default_rng(0)
    near = [["rent is due in may"] * 10 for _ in range(100)]
    far = [[f"rent and {' '.join(rng.choice(list('abcdefgh'), 12))}" for _ in range(10)] for _ in range(100)]
    index.commit([document(number, texts, labels=["board"]) for number, texts in enumerate(near)])
    index.commit([document(1000 + number, texts, labels=["staff"]) for number, texts in enumerate(far)])
    searched: list[str] = []
    original = keyword_and_vector_search.keyword_leg

    def listening(table: object, query: str, condition: str, pool: int) -> dict[int, float]:
        searched.append(condition)
        return original(table, query, condition, pool)

    monkeypatch.setattr(keyword_and_vector_search, "keyword_leg", listening)
    query = "rent is due in may"
    request = SearchRequest(query, k=30, pool=30, labels=("staff",))
    sifted = index.search(request, encode(query), ZScoreFusion()).hits
    assert {hit.doc_id for hit in sifted} <= {doc_id_of(1000 + number) for number in range(100)}
    assert searched[0] == ""
    assert "staff" in searched[1]
    monkeypatch.setattr(filtered_rows, "FROM_ROWS", 10**9)
    plainly = index.search(request, encode(query), ZScoreFusion()).hits
    assert [(hit.doc_id, hit.ordinal) for hit in sifted] == [(hit.doc_id, hit.ordinal) for hit in plainly]
    assert [hit.score for hit in sifted] == pytest.approx([hit.score for hit in plainly])
