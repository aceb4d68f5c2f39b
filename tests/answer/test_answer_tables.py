"""Rows of a table that is longer than a passage are shown with the names of their columns, never with invented ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill import Workspace
from instill.answer.found.sentences import split_sentences
from instill.answer.types import Answer
from instill.index.schema import HEAD_COLUMNS

ROWS = 90


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("tables")
    rows = "\n".join(f"| Mast {n} | {n + 7} metres | {1900 + n} |" for n in range(1, ROWS + 1))
    text = f"# Masts\n\nAll masts of the coast.\n\n| Mast | Height | Built |\n| --- | --- | --- |\n{rows}\n"
    (folder / "masts.md").write_text(text, encoding="utf-8")
    opened = Workspace.init(folder / "kb")
    opened.add([str(folder / "masts.md")])
    return opened


def shown(answer: Answer) -> str:
    return "" if answer.abstained else answer.text


@pytest.mark.parametrize("number", [18, 44, 63, 88])
def test_a_row_is_shown_with_the_names_of_its_columns(workspace: Workspace, number: int) -> None:
    answer = workspace.ask(f"What is the height of Mast {number}?")
    assert f"Mast: Mast {number}, Height: {number + 7} metres, Built: {1900 + number}" in shown(answer)
    text = workspace.index.document_text(answer.citations[0].doc_id)
    assert text is not None
    for citation in answer.citations:
        assert text.text[citation.start : citation.end] == citation.text


def test_no_row_is_another_rows_head(workspace: Workspace) -> None:
    for number in range(1, ROWS, 9):
        text = shown(workspace.ask(f"When was Mast {number} built?"))
        assert not [other for other in range(1, ROWS + 1) if f"Mast {other}: " in text]


def test_passages_and_hits_carry_the_head(workspace: Workspace) -> None:
    [record] = workspace.index.records()
    passages = workspace.index.passages_of(record.doc_id)
    assert len(passages) > 2
    assert {passage.table_head for passage in passages[1:]} == {"| Mast | Height | Built |\n| --- | --- | --- |"}
    hits = workspace.search("Mast 88", k=20).hits
    by_ordinal = {passage.ordinal: passage for passage in passages}
    for hit in hits:
        assert (hit.table_head, hit.table_head_start) == (
            by_ordinal[hit.ordinal].table_head,
            by_ordinal[hit.ordinal].table_head_start,
        )


def test_an_index_from_before_table_heads_is_read_and_then_written(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Boats are counted in May.", encoding="utf-8")
    with Workspace.init(tmp_path / "kb") as old:
        old.add([str(tmp_path / "a.md")])
        old.index._tables.writable().drop_columns(list(HEAD_COLUMNS))
    with Workspace.open(tmp_path / "kb") as opened:
        assert opened.search("boats", k=1).hits[0].table_head == ""
        [record] = opened.index.records()
        assert opened.index.passages_of(record.doc_id)[0].table_head == ""
        (tmp_path / "a.md").write_text("Boats are counted in June.", encoding="utf-8")
        opened.add([str(tmp_path / "a.md")])
        assert opened.search("boats", k=1).hits[0].text == "Boats are counted in June."


def test_rows_with_bars_and_no_line_of_dashes_have_no_head() -> None:
    units = split_sentences("a | b | c\nd | e | f")
    assert [unit.intro for unit in units] == [None, None]
    units = split_sentences("| a | b |\n| --- | --- |\n| d | e |")
    assert [unit.intro for unit in units if unit.kind == "row"] == [None, 0]
