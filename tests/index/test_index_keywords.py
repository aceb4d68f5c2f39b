"""What the keyword leg finds: names, titles, headings, folded and stemmed words, scripts without spaces."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.index.fusion import ZScoreFusion
from instill.index.keywords import indexed, keywords_of, name_of, searched, words
from instill.index.store import Index
from instill.index.types import SearchRequest
from tests.index.index_builders import document, open_index

TEXTS = {
    1: "The tenants were renting rooms in a café.",
    2: "東京都に行きました。検索エンジンはとても便利です。",
    3: "我喜欢搜索引擎",
    4: "한국어 검색엔진을 씁니다",
    5: "ฉันชอบค้นหาข้อมูลภาษาไทย",
    6: "Русский поиск работает",
    7: "call foo_bar on version v1.2 of ISO-9001",
    8: "efficient ligature: ﬁnancial ＦＵＬＬ",
}


@pytest.fixture(scope="module", params=[False, True], ids=["unindexed", "indexed"])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Index:
    made = open_index(tmp_path_factory.mktemp("keywords") / "index")
    made.commit([document(number, [text], source=f"/d/{number * 1111}.txt") for number, text in TEXTS.items()])
    made.commit(
        [document(9, ["x"], source="/d/2023 Q3 AAPL.pdf", title="Quarterly figures", headings=["Guide > Install"])]
    )
    if request.param:
        made.upkeep(force=True)
    return made


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("tenant rent room", 1),
        ("CAFE", 1),
        ("検索", 2),
        ("東京", 2),
        ("京", 2),
        ("搜索引擎", 3),
        ("검색", 4),
        ("ค้นหา", 5),
        ("ภาษาไทย", 5),
        ("ПОИСК", 6),
        ("bar", 7),
        ("9001", 7),
        ("financial", 8),
        ("full", 8),
        ("aapl q3", 9),
        ("2023", 9),
        ("quarterly", 9),
        ("installing", 9),
    ],
)
def test_what_is_found_first(index: Index, query: str, number: int) -> None:
    hits = index.search(SearchRequest(query, mode="keyword"), None, ZScoreFusion()).hits
    assert hits
    assert int(hits[0].doc_id, 16) == number


@pytest.mark.parametrize(
    ("source", "name"),
    [("/a/b.txt", "b.txt"), ("C:/Users/x/y.pdf", "y.pdf"), ("https://e.org/a/b/", "b"), ("stdin:log", "log"),
     ("https://e.org", "e.org"), ("/", "/")],
)  # fmt: skip
def test_names(source: str, name: str) -> None:
    assert name_of(source) == name


def test_a_title_that_is_the_name_counts_once() -> None:
    assert keywords_of(source="/a/report.pdf", title="report", headings="", text="x") == "report\nx"
    assert keywords_of(source="/a/.bashrc", title="", headings="", text="x") == ".bashrc\nx"
    assert keywords_of(source="/a/release 1.2", title="", headings="", text="x") == "release 1.2\nx"


@given(text=st.text(max_size=60))
def test_every_pair_that_is_asked_for_was_written(text: str) -> None:
    assert set(words(searched(text))) <= set(words(indexed(text)))


@given(text=st.text(alphabet=st.characters(max_codepoint=127), max_size=60))
def test_plain_ascii_is_left_alone(text: str) -> None:
    assert indexed(text) == text
    assert searched(text) == text.replace('"', " ")


def test_lone_surrogates_do_not_reach_the_store(tmp_path: Path) -> None:
    index = open_index(tmp_path / "index")
    index.commit([document(1, ["fine"])])
    assert not index.search(SearchRequest("\ud800", mode="keyword"), None, ZScoreFusion()).hits
