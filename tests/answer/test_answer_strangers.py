"""What a stranger's folder showed to be wrong, each as the kind that it was."""

from __future__ import annotations

import pytest

from instill.answer.asked.must_be_spoken_of import Pin, pins_of
from instill.answer.found.chosen_piece import Chosen
from instill.answer.found.pieces import Piece
from instill.answer.found.versions import dated
from instill.answer.harmless_text import plain_text
from instill.answer.reading.opening import open_reader
from instill.answer.said.piece_text import shown
from instill.answer.said.refusal import others_of_its_kind
from instill.index.types import Hit
from tests.answer.answer_corpus import Corpus

STAFF = "# Staff\n\n| Name | Role | Office |\n|---|---|---|\n| Priya Nair | Head | Basel |\n| Tom Oy | Smith | Bern |\n"


def piece(text: str, part: str = "", kind: str = "section") -> Piece:
    hit = Hit("d", 0, 0, len(text), text, "", None, None, "a.md", "text", "A", (), {}, 1.0, 1.0, 1.0)
    start = text.index(part) if part else 0
    return Piece(hit, kind, ((start, start + len(part or text)),), "", 0)  # type: ignore[arg-type]


def test_the_rows_of_a_table_have_the_names_of_its_head() -> None:
    assert shown(piece(STAFF)).splitlines()[-2:] == [
        "- Name: Priya Nair, Role: Head, Office: Basel",
        "- Name: Tom Oy, Role: Smith, Office: Bern",
    ]
    assert shown(piece(STAFF, "| Tom Oy | Smith | Bern |", "record")) == "- Name: Tom Oy, Role: Smith, Office: Bern"
    bare = "| Tom Oy | Smith | Bern |\n| Eva Lo | Turner | Bern |\n"
    assert shown(piece(bare, "| Eva Lo | Turner | Bern |", "record")) == "- Eva Lo, Turner, Bern"


def test_indented_prose_is_said_once_and_indented_code_stays_code() -> None:
    prose = (
        "    The option frobnicate is deprecated, and the tool stops\n    with an error when it is used. Use twist.\n"
    )
    assert shown(piece(prose)).count("with an error when it is used.") == 1
    assert shown(piece("Run this:\n\n    make all\n    make install\n")).splitlines() == [
        "Run this:", "```", "make all", "make install", "```",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("License-File: LICENSE", "License-File: LICENSE"),
        ("Contact data: Rosa Lind", "Contact data: Rosa Lind"),
        ("data:text/html;base64,AAAA", "data :text/html;base64,AAAA"),
        ("see file:///etc/passwd", "see file :///etc/passwd"),
        ("javascript: alert(1)", "javascript : alert(1)"),
    ],
)
def test_only_addresses_are_broken_up(text: str, said: str) -> None:
    assert plain_text(text) == said


@pytest.mark.parametrize(
    ("question", "pins"),
    [
        ("When is the shop open if I'm late?", []),
        ("What should I do when I've lost it?", []),
        ("Where is Poetry's cache?", ["Poetry"]),
        ("Do I need approval for a trip that costs 2000 EUR?", []),
        ("Is 16 GB enough?", []),
        ("Was there a release in 2019?", ["2019"]),
        ("Which plan costs 49 EUR?", ["49"]),
    ],
)
def test_what_a_question_pins_down(question: str, pins: list[str]) -> None:
    assert [pin.text for pin in pins_of(question)] == pins


def test_a_number_with_a_mark_for_thousands_is_one_number() -> None:
    assert others_of_its_kind(Pin("2000", "number"), ["Above 1,500 EUR the board decides, in 2 weeks."]) == ["1500"]


def test_what_stands_in_a_cell_does_not_date_a_document() -> None:
    chosen = Chosen(piece(STAFF), 0.0, None)
    assert dated(chosen, lambda _: "# Staff\n\n| Name | Since |\n|---|---|\n| Tom | 2015 |\n") is None
    assert dated(chosen, lambda _: "name,since,pay\nTom,2015,3\n") is None
    found = dated(chosen, lambda _: "# Prices\n\nValid from 1 March 2026.\n\n| a | 2015 |\n")
    assert found is not None
    assert found.words == "1 March 2026"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    rows = "".join(f"{name},{price}.00,panel\n" for name, price in (("Oak", 74), ("Ash", 41), ("Elm", 66), ("Fir", 22)))
    files = {
        "prices.csv": "article,price,kind\n" + rows,
        "travel.md": "# Travel\n\n## Hotels\n\n"
        "A hotel may cost up to 140 EUR a night, in London and Zurich up to 210 EUR.\n\n"
        "## Approval\n\nTrips above 1,500 EUR are approved by the managing director.\n",
        "staff.md": STAFF + "| Eva Lo | Turner | Bern |\n| Udo Fe | Cook | Basel |\n",
    }
    return Corpus.of(files, tmp_path_factory.mktemp("shop") / "index")


def test_a_bound_may_have_a_unit(shop: Corpus) -> None:
    answer = shop.answerer(reader=open_reader("shipped")).ask("Which articles cost more than 50 euros?")
    assert not answer.abstained
    assert all(name in answer.text for name in ("Oak", "Elm"))
    assert not any(name in answer.text for name in ("Ash", "Fir"))


def test_of_several_amounts_none_stands_on_top(shop: Corpus) -> None:
    answer = shop.answerer(reader=open_reader("shipped")).ask("How much may a hotel cost in Zurich?")
    assert answer.short == ""
    assert "Zurich up to 210 EUR" in answer.text


def test_an_amount_that_is_given_is_not_looked_for(shop: Corpus) -> None:
    answer = shop.answerer(reader=open_reader("shipped")).ask("Do I need approval for a trip that costs 2000 EUR?")
    assert "2000" not in answer.text
    assert "1,500 EUR" in (answer.text or "") or any("1,500 EUR" in claim.text for claim in answer.nearest)


def test_people_of_an_office_are_told_with_the_names_of_the_columns(shop: Corpus) -> None:
    answer = shop.answerer(reader=open_reader("shipped")).ask("Which people work in Basel?")
    assert "Name: Udo Fe, Role: Cook, Office: Basel" in answer.text
    assert "Tom" not in answer.text
