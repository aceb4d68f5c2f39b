"""What a question pins down must stand in the evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from instill.answer.asked.must_be_spoken_of import Evidence, Pin, missing_pins, other_form_of, pins_of
from instill.answer.passage_candidates import holds_all
from instill.answer.said.refusal import others_of_its_kind
from instill.index.types import Hit


@pytest.mark.parametrize(
    ("question", "pins"),
    [
        ("What is new in Python 3.25?", ["Python", "3.25"]),
        ("What does error E-9999 mean?", ["E-9999"]),
        ("How much was sold in Q1 2021?", ["Q1", "2021"]),
        ("Does `max_memory` apply to Redis 7?", ["`max_memory`", "Redis", "7"]),
        ("How many days do I have to return 2 shoes?", []),
        ("Why is the sky blue?", []),
        ("Can 1,200 people enter room 5?", ["5"]),
        ("what does --dry-run do", ["--dry-run"]),
        ("My invoices should start at number 5000. Where do I set this?", []),
        ("I have version 8 here. How do I upgrade?", ["8"]),
        ("We run PostgreSQL 12. Can I upgrade?", ["PostgreSQL", "12"]),
        ("I get E-9999. What now?", ["E-9999"]),
        ("I need a van on 12 June, who do I ask and how early?", []),
        ("our apprentice is 17, may he use the saw", []),
        ("lent a friend 2000 at 5% for 18 months, what does he pay?", []),
        ("who approves an order of 1,500 pounds?", []),
        ("I have order 40023, where is it", ["40023"]),
        ("I am on Debian 12, how do I upgrade", ["Debian", "12"]),
        ("In Python 3.25, how do I print?", ["Python", "3.25"]),
        ("What happened in May 1998, when it rained?", ["1998"]),
        ("oops, foo_1.2-1.1 went into the wrong queue", []),
        ("I moved it and re-uploaded it, where is it?", []),
    ],
)
def test_pins(question: str, pins: list[str]) -> None:
    assert [pin.text for pin in pins_of(question)] == pins


@pytest.mark.parametrize(
    ("pin", "text", "there"),
    [
        (Pin("3.1", "number"), "New in 3.13", False),
        (Pin("3.1", "number"), "New in 3.1.", True),
        (Pin("3.1", "number"), "New in v3.1", True),
        (Pin("NFSv4", "code"), "With NFS version 4 one port is enough.", True),
        (Pin("NFSv4", "code"), "With NFS version 3 there are four.", False),
        (Pin("v6", "code"), "The IPv6 address", True),
        (Pin("v6", "code"), "since v6.1", False),
        (Pin("1200", "number"), "It holds 1,200 people", True),
        (Pin("1,200", "number"), "It holds 1200 people", True),
        (Pin("E-12", "code"), "error e-12 means", True),
        (Pin("E-12", "code"), "error E-123 means", False),
        (Pin("max_memory", "code"), "set max-memory", True),
        (Pin("Sentinels", "name"), "A sentinel watches", True),
        (Pin("MongoDB", "name"), "Redis is fast", False),
        (Pin("15", "number"), "From 14 to 17 a signed form is enough.", True),
        (Pin("18", "number"), "From 14 to 17 a signed form is enough.", False),
        (Pin("30,000", "number", "usd"), "Purchases between $10,000 and $50,000: 2 quotes.", True),
        (Pin("30,000", "number", "usd"), "| $10,000–$50,000 | Quotes: 2 |", True),
        (Pin("60,000", "number", "usd"), "Purchases between $10,000 and $50,000: 2 quotes.", False),
        (Pin("30,000", "number", "usd"), "Purchases between €10,000 and €50,000: 2 quotes.", False),
        (Pin("60,000", "number", "usd"), "Over $50,000 the CFO signs.", True),
        (Pin("60,000", "number", "usd"), "Over 50,000 people came.", False),
        (Pin("30,000", "number", "usd"), "The desk cost $30,000.", True),
        (Pin("2021", "number"), "Sales 2019–2023", True),
        (Pin("3.12", "number"), "from 3.10 to 3.13", False),
        (Pin("20", "number", "day"), "If a guest arrives more than 20 minutes late", False),
        (Pin("12", "number", "day"), "Parents have 12 weeks of leave.", False),
        (Pin("12", "number", "day"), "It arrives within 12 business days.", True),
        (Pin("20", "number", "day"), "More than 14 days before the visit: full refund", True),
        (Pin("10", "number", "day"), "7 to 14 days before: half the price", True),
        (Pin("10", "number", "day"), "from 7 to 14 guests", True),
        (Pin("10", "number", "day"), "7 to 14 minutes", False),
        (Pin("14", "number", "year"), "The minimum age for holding an owl is 8.", True),
        (Pin("14", "number", "year"), "We open at 14:00, from 10:00", False),
        (Pin("2000", "number", "eur"), "Above 1,500 € the board decides.", True),
        (Pin("25", "number", "person"), "Groups of 20 or more get a guide.", True),
        (Pin("500", "number"), "Call 030-1234-99", False),
        (Pin("July", "name"), "2022-07-27: approved", True),
        (Pin("July", "name"), "approved on 27.7.2022", True),
        (Pin("July", "name"), "from 2022-07 on", True),
        (Pin("July", "name"), "2022-06-07, 7.6.2022, version 1.07.2", False),
        (Pin("Julius", "name"), "2022-07-27: approved", False),
    ],
)
def test_where_a_pin_stands(pin: Pin, text: str, there: bool) -> None:
    assert Evidence([text]).speaks_of(pin) is there
    assert (missing_pins([pin], Evidence([text])) == []) is there


def test_another_form_of_a_name_is_known_and_another_name_is_not() -> None:
    evidence = Evidence(["The Romanian office uses PostgreSQL. Anderson leads it since 3 years."])
    assert other_form_of(Pin("Romania", "name"), evidence) == "romanian"
    assert other_form_of(Pin("Postgres", "name"), evidence) == "postgresql"
    assert other_form_of(Pin("Andersen", "name"), evidence) == ""
    assert other_form_of(Pin("3", "number"), evidence) == ""


def test_a_long_word_is_looked_at_in_no_time() -> None:
    # The pattern for codes once tried every way to cut a word: 24 letters took nine seconds.
    assert pins_of("what is " + "x" * 3_000) == []
    assert pins_of("a-b." * 500 + "7")[0].text.startswith("a-b.")


def test_what_stands_in_its_place_is_named() -> None:
    assert others_of_its_kind(Pin("E-9999", "code"), ["E-1000 and E-1037", "E-1000"]) == ["E-1000", "E-1037"]


@given(st.text(max_size=60))
@example(".0_0")
def test_every_pin_of_a_text_stands_in_that_text(text: str) -> None:
    for pin in pins_of(text):
        if pin.text.isascii():
            assert Evidence([text]).speaks_of(pin)


def test_a_possessive_is_the_name() -> None:
    evidence = Evidence(["Repairs are done by Ingrid Holm and the Weavers."])
    assert missing_pins(pins_of("What is Ingrid Holm's number, and the Weavers' one?"), evidence) == []
    assert [pin.text for pin in missing_pins(pins_of("What is Ingrid Berg's number?"), evidence)] == ["Berg"]


def test_front_matter_and_file_name_are_evidence_for_a_passage_as_for_a_piece() -> None:
    plain = Hit("d", 0, 0, 9, "The door.", "", None, None, "door.md", "markdown", "Door", (), {}, 1.0, 1.0, 1.0)
    pins = pins_of("What does E-1037 mean?")
    assert not holds_all(plain, pins)
    assert holds_all(replace(plain, metadata={"code": "E-1037"}), pins)
    assert holds_all(replace(plain, source="faults/E-1037.md"), pins)


def test_a_number_is_found_with_its_unit_beside_it() -> None:
    [pin] = pins_of("Is the tea brewed at 80C?")[-1:]
    assert Evidence(["Brewed at 80C."]).speaks_of(pin)
    assert Evidence(["Brewed at 80 degrees."]).speaks_of(pin)
    assert not Evidence(["It costs 80k."]).speaks_of(pin)
    assert not Evidence(["Brewed at 800C or 80.5C."]).speaks_of(pin)


def test_the_kind_of_days_is_no_part_of_the_unit() -> None:
    [pin] = pins_of("What happens after 12 business days?")
    assert (pin.text, pin.unit) == ("12", "day")
    assert pins_of("Do I need approval for 12 business days off?") == []
