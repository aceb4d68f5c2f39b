"""Keyword scores of labelled callers: the formula itself, and what is counted for it."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from instill.index.bm25_for_caller import VisibleScorer
from instill.index.fusion import ZScoreFusion
from instill.index.store import Index
from instill.index.types import SearchRequest
from tests.index.index_builders import doc_id_of, document, open_index

K1, B = 1.2, 0.75


def bm25(tf: int, length: int, *, passages: float, holding: float, average: float) -> float:
    """One term's part of the score (Robertson and Zaragoza, 2009)."""
    rarity = math.log(1 + (passages - holding + 0.5) / (holding + 0.5))
    return rarity * tf * (K1 + 1) / (tf + K1 * (1 - B + B * length / average))


def keyword_scores(index: Index, query: str, labels: tuple[str, ...] | None) -> dict[int, float]:
    hits = index.search(SearchRequest(query, k=50, mode="keyword", labels=labels), None, ZScoreFusion()).hits
    return {int(hit.doc_id, 16): hit.keyword_score for hit in hits if hit.keyword_score}


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """Passages of 2, 5 and 11 words with their file's name, "1", "2" and "3"; a fourth is somebody else's."""
    made = open_index(tmp_path / "index")
    texts = ["rent", "rent rent paid late", "rent " + "stone " * 9]
    made.commit([document(number, [text], source=f"/{number}", labels=["hr"]) for number, text in enumerate(texts, 1)])
    made.commit([document(4, ["rent " * 30], source="/4", labels=["it"])])
    return made


@pytest.mark.parametrize("folded", [False, True])
def test_a_score_is_that_of_the_formula_over_what_the_caller_sees(index: Index, folded: bool) -> None:
    if folded:
        index.upkeep(force=True)
    counted = {"passages": 3, "holding": 3, "average": (2 + 5 + 11) / 3}
    assert keyword_scores(index, "rent", ("hr",)) == pytest.approx(
        {1: bm25(1, 2, **counted), 2: bm25(2, 5, **counted), 3: bm25(1, 11, **counted)}, rel=1e-6
    )
    rare = {**counted, "holding": 1}
    assert keyword_scores(index, "late", ("hr",)) == pytest.approx({2: bm25(1, 5, **rare)}, rel=1e-6)
    # Terms add up, and a term that is asked for twice counts twice.
    asked = keyword_scores(index, "rent late late", ("hr",))
    assert asked[2] == pytest.approx(bm25(2, 5, **counted) + 2 * bm25(1, 5, **rare), rel=1e-6)


def test_of_two_passages_with_the_term_once_the_shorter_is_better(index: Index) -> None:
    scores = keyword_scores(index, "rent", ("hr",))
    assert scores[1] > scores[3]


def test_who_sees_everything_gets_the_scores_of_the_store(index: Index) -> None:
    everyone = keyword_scores(index, "rent late", None)
    assert keyword_scores(index, "rent late", ("hr", "it")) == pytest.approx(everyone, rel=1e-3)


def test_only_passages_are_counted(index: Index) -> None:
    """A row that is no passage any more counts for nobody, whatever is left on it."""
    before = keyword_scores(index, "rent late", ("hr",))
    table = index._tables.writable()
    rows = table.search().where(f"doc_id = '{doc_id_of(2)}'").limit(10).to_arrow()
    left = rows.set_column(rows.schema.get_field_index("ordinal"), "ordinal", pa.nulls(len(rows), pa.int32()))
    keys = pc.binary_join_element_wise(rows["key"], "old", ":")
    table.add(left.set_column(left.schema.get_field_index("key"), "key", keys))
    row_ids = {
        int(row["doc_id"], 16): row["_rowid"]
        for row in table.search().where("ordinal >= 0").with_row_id(True).limit(10).to_list()
    }
    scores = VisibleScorer().scores(table, "rent late", ("hr",), [row_ids[number] for number in (1, 2, 3)])
    assert {number: scores[row_ids[number]] for number in (1, 2, 3)} == pytest.approx(before, rel=1e-9)


def test_a_caller_without_a_match_gets_nothing_and_no_terms_give_zero(index: Index) -> None:
    table = index._tables.snapshot()
    row_ids = [row["_rowid"] for row in table.search().with_row_id(True).limit(10).to_list()]
    assert VisibleScorer().scores(table, "absent", ("hr",), row_ids) == dict.fromkeys(row_ids, 0.0)
    assert VisibleScorer().scores(table, "!?", ("hr",), row_ids) == dict.fromkeys(row_ids, 0.0)
    assert VisibleScorer().scores(table, "rent", ("hr",), []) == {}
