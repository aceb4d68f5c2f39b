"""SQL over documents and passages: what it answers, and that it reaches nothing else."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from instill.errors import UsageError
from instill.index.sql_limits import SqlLimits
from instill.index.store import Index
from tests.index.index_builders import DIMENSION, document, encode, open_index


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    made = open_index(tmp_path_factory.mktemp("sql") / "index")
    made.commit(
        [
            document(number, [f"alpha {number}", f"beta {number}"], metadata={"year": 2000 + number},
                     title=f"T{number}", labels=["odd" if number % 2 else "even"])
            for number in range(6)
        ]
    )  # fmt: skip
    made.commit([document(5, ["alpha 5"], metadata={"year": 2005}, title="T5", labels=["odd"])])  # leaves a tombstone
    return made


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("select count(*) as n from passages", [{"n": 11}]),
        ("select count(*) as n, sum(passage_count) as p from documents", [{"n": 6, "p": 11}]),
        ("SELECT title FROM Documents WHERE (metadata->>'year')::int > 2004;", [{"title": "T5"}]),
        ("select metadata.year::int as y from documents order by 1 limit 1", [{"y": 2000}]),
        ("select text from passages where ordinal = 1 order by text limit 1", [{"text": "beta 0"}]),
        ("select text from documents where title = 'T5'", [{"text": "alpha 5\n"}]),
        ("select p.text, d.title from passages p join documents d using (doc_id) where p.text = 'beta 3'",
         [{"text": "beta 3", "title": "T3"}]),
        ("with x as (from passages) select count(*) as n from x a, x b where a.text = b.text", [{"n": 11}]),
        ("select labels[1] as l, count(*) as n from documents group by all order by all",
         [{"l": "even", "n": 3}, {"l": "odd", "n": 3}]),
        ("select p.start as s, p.\"end\" as e from passages p where p.text = 'beta 0'", [{"s": 8, "e": 14}]),
        ("select array_length(vector) as d from passages limit 1", [{"d": DIMENSION}]),
        ("select 1 as one", [{"one": 1}]),
    ],
)  # fmt: skip
def test_what_it_answers(index: Index, query: str, rows: list[dict[str, object]]) -> None:
    assert index.sql(query).to_pylist() == rows


def test_star_leaves_out_what_is_large(index: Index) -> None:
    assert not {"vector", "similarity"} & set(index.sql("select * from passages limit 1").column_names)
    assert "text" in index.sql("select * from passages limit 1").column_names
    assert "text" not in index.sql("select * from documents limit 1").column_names


def test_similarity_orders_by_meaning(index: Index) -> None:
    query = "select text, similarity from passages order by similarity desc limit 1"
    row = index.sql(query, query_vector=encode("beta 2")).to_pylist()[0]
    assert row == {"text": "beta 2", "similarity": pytest.approx(1.0, abs=1e-5)}
    with pytest.raises(UsageError, match="similarity"):
        index.sql(query)


def test_only_visible_rows_are_there(index: Index) -> None:
    assert index.sql("select count(*) as n from passages", ("even",))["n"].to_pylist() == [6]
    assert index.sql("select text from documents", ()).num_rows == 0
    assert index.sql("select max(similarity) as m from passages", (), query_vector=encode("x")).to_pylist() == [
        {"m": None}
    ]


SECRET = Path(__file__)


@pytest.mark.parametrize(
    "query",
    [
        f"select * from read_text('{SECRET}')",
        f"select * from read_csv('{SECRET}')",
        f"select * from '{SECRET}'",
        f"select * from glob('{SECRET.parent}/*')",
        "select * from query('from read_csv(''/etc/hosts'')')",
        "copy (select 1) to 'leak.csv'",
        "copy passages to 'leak.parquet'",
        "attach 'leak.db'",
        "install httpfs",
        "load httpfs",
        "export database 'leak'",
        "pragma database_list",
        "set enable_external_access = true",
        "reset lock_configuration",
        "call pragma_version()",
        "create table t (a int)",
        "insert into passages select * from passages",
        "delete from passages",
        "drop view passages",
        "select 1; select 2",
        "select * from local_table",
        "select getenv('HOME')",
        "select * from sqlite_scan('a', 'b')",
        "",
        "  ",
        "-- nothing",
        "selec 1",
        "select nope from passages",
        "select 'a'::int",
        "(" * 3000,
        "select " + "(" * 3000 + "1" + ")" * 3000,
        "select '" + "x" * 100_001 + "'",
    ],
)
def test_nothing_else_is_reached(index: Index, query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    local_table = index.sql("select 1 as a")  # DuckDB would find it by name if it were let
    with pytest.raises(UsageError):
        index.sql(query)
    assert local_table.num_rows == 1
    assert not list(tmp_path.iterdir())


def test_a_mistake_is_explained(index: Index) -> None:
    with pytest.raises(UsageError, match="nope") as mistake:
        index.sql("select nope from passages")
    assert mistake.value.remedy


def test_an_endless_query_ends(index: Index) -> None:
    with pytest.raises(UsageError, match="longer than"):
        index.sql(
            "select sum(a.range * b.range) from range(1000000000) a, range(1000000) b",
            limits=SqlLimits(max_seconds=0.2),
        )


def test_a_greedy_query_ends(index: Index) -> None:
    with pytest.raises(UsageError):
        index.sql("select list(a.range || repeat('x', 1000)) from range(100000000) a", limits=SqlLimits(max_seconds=20))


def test_refusals_do_not_clutter_the_log(index: Index, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(UsageError):
        index.sql("load json")
    assert not caplog.records
