"""What a filter may say, what it finds, and that nothing else gets through."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instill.errors import UsageError
from instill.index.filters import compiled, parsed
from instill.index.fusion import ZScoreFusion
from instill.index.store import Index
from instill.index.types import SearchRequest
from tests.index.index_builders import doc_id_of, document, encode, open_index


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    made = open_index(tmp_path_factory.mktemp("filters") / "index")
    made.commit(
        [
            document(1, ["one", "one more"], metadata={"year": 2020, "author": "ann", "draft": True}, kind="pdf"),
            document(2, ["two"], metadata={"year": 2024, "author": "bob", "draft": False}, title="It's 50% off"),
            document(3, ["three"], metadata={"year": "2024", "rate": 1.5, "size": "large"}, source="/a/b/three.md"),
            document(4, ["four"], labels=["secret"], metadata={"year": "soon"}, headings=["Guide > Install"]),
        ]
    )
    return made


def test_a_search_within_some_documents_finds_only_what_the_caller_may_see(index: Index) -> None:
    request = SearchRequest("x", k=50, documents=(doc_id_of(1), doc_id_of(4)), labels=("secret",))
    assert {int(hit.doc_id, 16) for hit in index.search(request, encode("x"), ZScoreFusion()).hits} == {4}


def found(index: Index, where: str) -> set[int]:
    """The documents by search, which must be those that `records` names."""
    hits = index.search(SearchRequest("x", k=50, where=where), encode("x"), ZScoreFusion()).hits
    numbers = {int(hit.doc_id, 16) for hit in hits}
    assert numbers == {int(record.doc_id, 16) for record in index.records(where=where)}
    return numbers


@pytest.mark.parametrize(
    ("documents", "titles", "numbers"),
    [
        ([1, 3], [], {1, 3}),
        ([], ["It's 50% off"], {2}),
        ([4], ["It's 50% off"], {2, 4}),
        ([9], [], set()),
        ([1], ["No such title"], {1}),
    ],
)
def test_a_search_within_some_documents(
    index: Index, documents: list[int], titles: list[str], numbers: set[int]
) -> None:
    within = tuple(doc_id_of(number) for number in documents)
    request = SearchRequest("x", k=50, documents=within, titles=tuple(titles), where="not kind = 'none'")
    hits = index.search(request, encode("x"), ZScoreFusion()).hits
    assert {int(hit.doc_id, 16) for hit in hits} == numbers


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ("", {1, 2, 3, 4}),
        ("year = 2024", {2, 3}),  # a number also when a file gives it as text
        ("year >= 2020 and kind = 'pdf'", {1}),
        ("2020 < year", {2, 3}),
        ("year = '2024'", {2, 3}),
        ("year between 2019 and 2021", {1}),
        ("not year = 2024", {1}),  # of 3 a number is not known: neither true nor false
        ("year in (2020, 'soon')", {1, 4}),
        ("year not in (2020)", {2, 3}),
        ("draft", {1}),
        ("not draft", {2}),
        ("draft is true or rate > 1", {1, 3}),
        ("draft = false", {2}),
        ("author is null", {3, 4}),
        ("author is not null", {1, 2}),
        ("author like 'a%'", {1}),
        ("author not like 'a%'", {2}),
        ("author ilike 'A%'", {1}),
        ("no_such_key = 1", set()),
        ("no_such_key is null", {1, 2, 3, 4}),
        ("title = 'It''s 50% off'", {2}),
        ("name = 'three.md'", {3}),
        ("source like '/a/%'", {3}),
        ("metadata.size = 'large'", {3}),
        ("size > 3", {1, 2, 3, 4}),
        ("modified >= '2024-01-01' and modified < 2025", {1, 2, 3, 4}),
        ("page = 2", {1}),
        ("headings like 'Guide%'", {4}),
        ("(year = 2020 or year = 2024) and (kind = 'pdf' or author = 'bob')", {1, 2}),
        ("KIND = 'pdf'", {1}),
        ("rate = 1.5 or rate = -1", {3}),
    ],
)
def test_what_a_filter_finds(index: Index, where: str, numbers: set[int]) -> None:
    assert found(index, where) == numbers


ATTACKS = [
    "1 = 1",
    "true",
    "kind = 'a'; drop table passages",
    "kind = 'a';",
    "kind = 'a' -- and more",
    "kind = 'a' /* and more */",
    "/* */ kind = 'a'",
    "kind = 'a' union select 1",
    "kind = 'a' order by 1",
    "kind = 'a' limit 1",
    "kind = 'a' group by all",
    "kind = 'a' qualify true",
    "kind = 'a' for update",
    "kind = (select 'a')",
    "kind in (select 'a')",
    "exists(select 1)",
    "kind = any(['a'])",
    "lower(kind) = 'a'",
    "json_get_string(metadata, 'x') = 'y'",
    "array_has_any(labels, ['secret'])",
    "kind = title",
    "year + 1 = 2025",
    "year::int = 2024",
    "cast(year as int) = 2024",
    "date '2020-01-01' < modified",
    "kind || 'a' = 'b'",
    "kind = e'\\''",
    "kind = $$a$$",
    "kind = x'41'",
    "kind = ?",
    "kind = $1",
    "a.b = 1",
    "metadata.a.b = 1",
    "passages.kind = 'a'",
    '"year\'; drop" = 1',
    '"a b" = 1',
    "kind ~ 'a'",
    "kind similar to 'a'",
    "kind glob 'a'",
    "kind like 'a' escape 'b'",
    "kind = 'a' collate nocase",
    "case when true then true end",
    "year = 1e999",
    "year between symmetric 1 and 2",
    "year = null",
    "kind = 'a",
    "kind = 'a' and",
    "((kind = 'a')",
    "(" * 500 + "a = 1" + ")" * 500,
    "not " * 900 + "a = 1",
    "a = 1 or " * 600 + "a = 1",
    "size = 'large'",
    "kind = true",
]


@pytest.mark.parametrize("where", ATTACKS)
def test_everything_else_is_refused(where: str) -> None:
    with pytest.raises(UsageError) as refusal:
        compiled(where)
    assert refusal.value.where


def test_a_refusal_shows_where() -> None:
    with pytest.raises(UsageError) as refusal:
        compiled("year = 2024 and lower(title) = 'a'")
    assert "LOWER(title)" in refusal.value.what
    with pytest.raises(UsageError) as refusal:
        compiled("year = 2024 and and kind = 'a'")
    assert ">>>and<<<" in refusal.value.where or "and and" in refusal.value.where


def test_a_long_list_of_alternatives_reaches_the_store(index: Index) -> None:
    assert found(index, " or ".join(["year = 2020"] * 250)) == {1}


pieces = st.sampled_from(
    ["kind", "year", "=", "'pdf'", "'", '"', ";", "--", "/*", "*/", "(", ")", " ", "or", "and", "not", "in", "like",
     "1", "null", "is", "select", "labels", "metadata", ".", ",", "\\", "\x00", "é", "%", "between", "true"]
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(where=st.one_of(st.text(max_size=30), st.lists(pieces, max_size=12).map(" ".join)))
def test_no_text_breaks_out(index: Index, where: str) -> None:
    request = SearchRequest("x", k=50, where=where, labels=("other",))
    try:
        hits = index.search(request, encode("x"), ZScoreFusion()).hits
    except UsageError:
        return
    assert hits == ()  # nothing is visible to this caller, whatever the filter says


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=st.text(max_size=20))
def test_any_text_is_only_a_value(index: Index, value: str) -> None:
    literal = "'" + value.replace("'", "''") + "'"
    try:
        matches = found(index, f"author = {literal}")
    except UsageError:
        return  # what cannot be parsed is refused
    assert matches == {"ann": {1}, "bob": {2}}.get(value, set())


def test_which_conditions_are_on_passages() -> None:
    assert parsed("page = 1 and kind = 'pdf'").of_passages
    assert not parsed("metadata.page = 1").of_passages


def test_records_of_a_filter_are_read_with_files_as_they_are(tmp_path: Path) -> None:
    made = open_index(tmp_path / "index")
    assert made.records(where="year = 1") == []
