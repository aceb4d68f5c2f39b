"""A table that is longer than a passage: its head goes with every passage, as a span of the document's text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.documents.document import Block, Parsed, Passage
from instill.documents.readers.markdown import read_markdown
from instill.documents.splitting.passages import split
from tests.documents.test_documents_splitting import minilm

CELL = st.text("abcdefghij klmnop", min_size=1, max_size=12).map(lambda cell: cell.strip() or "x")


def cut(parsed: Parsed, limit: int = 48) -> list[Passage]:
    return split(parsed, kind="markdown", tokenizer=minilm(), passage_tokens=limit)


def table(names: list[str], rows: list[list[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@settings(max_examples=40, deadline=None)
@given(
    names=st.lists(CELL, min_size=2, max_size=4, unique=True),
    rows=st.integers(1, 60),
    before=st.sampled_from(["", "Some words before the table.\n\n", "# Plans\n\n"]),
    after=st.sampled_from(["", "\n\nWords after it.", "\n\n| own | head |\n| --- | --- |\n| 1 | 2 |"]),
)
def test_every_row_is_in_a_passage_with_its_head(names: list[str], rows: int, before: str, after: str) -> None:
    head = table(names, [])
    body = [[f"{row}.{column}" for column in range(len(names))] for row in range(rows)]
    parsed = read_markdown(before + table(names, body) + after)
    passages = cut(parsed)
    for passage in passages:
        start = passage.table_head_start
        assert parsed.text[start : start + len(passage.table_head)] == passage.table_head
        rows_here = [line for line in passage.text.split("\n") if line.startswith("| ") and "." in line]
        if rows_here:
            above = f"{passage.table_head}\n{passage.text}"
            assert above.index(head) < above.index(rows_here[0])
        if passage.table_head:
            assert passage.table_head == head
            assert head not in passage.text
    assert sum(line.startswith("| ") and "." in line for p in passages for line in p.text.split("\n")) == rows


@pytest.mark.parametrize("rows", [1, 3])
def test_a_head_that_fills_a_passage_goes_with_the_first_row_too(rows: int) -> None:
    names = ["bgjcnfg", "aaaaaaaa", "bg gcfhbg", "aabj bmfnf"]
    body = [[f"{row}.{column}" for column in range(4)] for row in range(rows)]
    passages = cut(read_markdown(table(names, body)))
    assert [passage.table_head for passage in passages] == ["", *[table(names, [])] * (len(passages) - 1)]
    assert "0.0" in passages[1].text


def test_a_head_is_never_cut_from_its_first_row() -> None:
    words = "alpha beta gamma delta epsilon zeta eta theta iota kappa"
    for length in range(1, 40):
        text = f"{' '.join(words.split()[:10] * 4)[: length * 6]}\n\n" + table(
            ["name", "value"], [["a", "1"], ["b", "2"]]
        )
        for passage in cut(read_markdown(text), 24):
            assert ("| name |" in passage.text) == ("| a | 1 |" in passage.text)


def test_a_table_that_goes_on_after_a_page_has_the_head_of_the_page_before() -> None:
    first = "| Room | Seats |\n| 1 | 20 |\n| 2 | 22 |"
    second = "| 3 | 24 |\n| 4 | 26 |"
    text = f"{first}\n\n{second}"
    end = len("| Room | Seats |")
    blocks = (Block("table", 0, len(first), 0, end), Block("table", len(first) + 2, len(text), 0, end))
    passages = cut(Parsed(text, blocks=blocks), 16)
    assert len(passages) >= 2
    assert passages[0].table_head == ""
    assert {passage.table_head for passage in passages[1:]} == {"| Room | Seats |"}


@pytest.mark.parametrize("text", ["|  |  |\n| --- | --- |\n", ""])
def test_a_table_without_names_has_no_head(text: str) -> None:
    parsed = read_markdown(text + "\n".join(f"| {row} | {row * 7} |" for row in range(80)))
    assert {passage.table_head for passage in cut(parsed)} == {""}
