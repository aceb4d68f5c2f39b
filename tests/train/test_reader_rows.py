"""Rows: both forms, what is refused, and the split by groups."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.errors import UsageError
from instill.train.reader.rows import Row, held_out, read_rows, rows_hash, split_rows
from tests.train.reader_rows import rows, write_rows


def test_json_lines_come_back_as_they_were(tmp_path: Path) -> None:
    assert read_rows([write_rows(tmp_path / "rows.jsonl", rows())]) == rows()


def test_the_layout_of_squad_is_read_with_its_impossible_questions(tmp_path: Path) -> None:
    paragraph = {
        "context": "Tea is hot.",
        "qas": [
            {"question": "What is hot?", "answers": [{"text": "Tea", "answer_start": 0}], "is_impossible": False},
            {"question": "What is cold?", "answers": [], "is_impossible": True},
        ],
    }
    path = tmp_path / "squad.json"
    path.write_text(json.dumps({"data": [{"title": "Hot_drinks", "paragraphs": [paragraph]}]}))
    assert read_rows([path]) == [
        Row("What is hot?", "Tea is hot.", "Hot drinks", "Hot drinks", ((0, 3),)),
        Row("What is cold?", "Tea is hot.", "Hot drinks", "Hot drinks", ()),
    ]


def test_the_same_question_on_the_same_passage_counts_once(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [*rows(), *rows()])
    assert len(read_rows([path, path])) == len(rows())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"question": "a", "passage": "b c", "answers": [{"text": "x", "start": 0}]}', "not at character"),
        ('{"question": "a", "answers": []}', "passage"),
        ('{"question": " ", "passage": "b", "answers": []}', "empty question"),
        ("{", "not valid JSON"),
        ('["a"]', "cannot be used"),
        ('{"question": "a", "passage": "b", "answers": 3}', "cannot be used"),
    ],
)
def test_a_bad_line_is_named_with_its_number(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f"\n{line}\n")
    with pytest.raises(UsageError, match=said) as error:
        read_rows([path])
    assert error.value.where == f"{path}:2"


@pytest.mark.parametrize("content", ['{"rows": []}', "[]", '{"data": [{"paragraphs": [{"qas": [{}]}]}]}'])
def test_other_json_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "rows.json"
    path.write_text(content)
    with pytest.raises(UsageError):
        read_rows([path])


def test_a_missing_file_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_rows([tmp_path / "none.jsonl"])


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=30), st.floats(0.05, 0.95), st.integers(0, 9))
def test_no_group_and_no_passage_is_on_both_sides(groups: list[str], share: float, seed: int) -> None:
    given_rows = [Row(f"q{n}", f"passage {n % 7}", group, group, ()) for n, group in enumerate(groups)]
    trained, held = split_rows(given_rows, share, seed=seed)
    assert not {row.group for row in trained} & {row.group for row in held}
    assert not {row.passage for row in trained} & {row.passage for row in held}
    assert held == [row for row in given_rows if held_out(row.group, share, seed=seed)]


def test_the_share_held_out_is_near_the_share_asked_for() -> None:
    held = sum(held_out(f"article {number}", 0.12, seed=24) for number in range(5000))
    assert 0.10 < held / 5000 < 0.14  # six standard deviations of a binomial


def test_the_hash_notices_a_changed_answer() -> None:
    changed = [Row(r.question, r.passage, r.title, r.group, ()) for r in rows()]
    assert rows_hash(rows()) != rows_hash(changed)
    assert rows_hash(rows()) == rows_hash(rows())
