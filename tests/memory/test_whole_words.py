"""An answer is proved by whole words and whole numbers only, and by the sentence that is about the question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from instill import Workspace
from instill.errors import UsageError
from instill.memory.whole_words import whole_places
from tests.cli.test_cli import instill

HOTELS = """# Hotels

The parking costs 6.90 euros a day. A suite costs 135 euros, a towel 0.35 euros.

The sauna costs 80 euros. A double room costs 80 euros a night.
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.init(tmp_path / "kb") as opened:
        opened.add_text(HOTELS, name="hotels.md")
        yield opened


@pytest.mark.parametrize(
    ("text", "words", "places"),
    [
        ("6.90 euros", "90 euros", []),
        ("135 euros", "5 euros", []),
        ("0.35 euros", "35 euros", []),
        ("# Hotels", "e", []),
        ("5 eurostars", "5 euro", []),
        ("1,200 and 1 200 and 1'200", "200", []),
        ("at -5 degrees", "5 degrees", []),
        ("1/2 litre", "2 litre", []),
        ("v1.2.3", "2.3", []),
        ("5kg", "5", []),
        ("cafe\u0301", "cafe", []),
        ("Pay 90 euros. Or 90 euros", "90 euros", [4, 17]),
        ("It took 3-5 days (5 days).", "5 days", [10, 18]),
        ("Since 05/2024, in rooms 5 2000", "2024", [9]),
        ("会议在东京举行", "东京", [3]),
        ("anything", "", []),
    ],
)
def test_whole_words_and_whole_numbers(text: str, words: str, places: list[int]) -> None:
    assert whole_places(text, words) == places


@pytest.mark.parametrize("answer", ["90 euros", "5 euros", "35 euros", "e", "35"])
def test_a_piece_of_a_number_or_a_word_proves_nothing(workspace: Workspace, answer: str) -> None:
    with pytest.raises(UsageError, match="as whole words and numbers"):
        workspace.remember("What does a double room cost?", answer)
    with pytest.raises(UsageError, match="as whole words and numbers"):
        workspace.remember("What does a double room cost?", answer, document="hotels.md")


def test_the_sentence_about_the_question_is_the_evidence(workspace: Workspace) -> None:
    fact = workspace.remember("What does a double room cost?", "80 euros")
    assert fact.evidence == "A double room costs 80 euros a night."
    with pytest.raises(UsageError, match="does not hold this answer"):
        workspace.memory().edit(fact.fact_id, answer="0 euros")
    assert workspace.memory().edit(fact.fact_id, answer="80").answer == "80"


def test_evidence_about_something_else_is_doubted(workspace: Workspace) -> None:
    doubted = instill("memory", "add", "Who pays the bus?", "80 euros", cwd=workspace.path).stderr
    assert "The evidence shares no word with the question" in doubted
    assert instill("memory", "add", "What does the sauna cost?", "80 euros", cwd=workspace.path).stderr == ""


def test_a_number_of_a_table_proves_its_fact_without_words_by_hand(tmp_path: Path) -> None:
    """The answer has its unit from the name of the column; in the row, the number stands alone."""
    (tmp_path / "items.csv").write_text(
        "item,price_eur,stock\nKestrel desk,349,12\nHeron desk,289,7\nFalcon desk,419,3\n", encoding="utf-8"
    )
    with Workspace.init(tmp_path / "kb") as tables:
        tables.add(tmp_path / "items.csv")
        assert tables.ask("What is the price of the Heron desk?").short == "289 EUR"
        [fact] = tables.memory().facts()
        assert (fact.answer, fact.evidence) == ("289", "item: Heron desk; price_eur: 289; stock: 7")
        assert next(each.met for each in fact.why if each.name == "answered")
        pinned = tables.memory().decide(fact.fact_id, "pinned")
        assert (pinned.answer, pinned.by_hand) == ("289", False)


def test_of_several_numbers_of_a_row_the_one_of_the_column_that_is_asked_for_answers(tmp_path: Path) -> None:
    rows = "Kestrel desk,349,12,2019,1\nHeron desk,289.50,7,2020,2\nFalcon desk,419,3,2021,4\n"
    (tmp_path / "plain.csv").write_text(f"name,price,stock,year,seats\n{rows}", encoding="utf-8")
    with Workspace.init(tmp_path / "kb") as tables:
        tables.add(tmp_path / "plain.csv")
        assert tables.ask("How many seats does the Heron desk have?").short == "2"
        [fact] = tables.memory().facts()
        assert (fact.answer, next(each.met for each in fact.why if each.name == "answered")) == ("2", True)
        assert tables.ask("How many Kestrel desks are there?").short == "", "no column is asked for"


def test_an_edit_takes_a_document_that_says_the_value_in_whole_words(workspace: Workspace) -> None:
    assert workspace._holding("o", "e") == ""
    assert workspace._holding("parking", "90 euros") == ""
    [record] = workspace.documents()
    assert workspace._holding("double room", "80 euros") == record.doc_id
