"""One record that a question names, found in any table and under each of its names; documents that give two amounts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from instill import Workspace
from instill.answer.asked.acronyms import explains
from instill.answer.found.contradiction import amount_of
from instill.answer.found.record_columns import table_of
from instill.answer.found.record_named import name_said, record_named
from instill.answer.found.records import Record, fields_of
from tests.answer.answer_corpus import workspace_of

PUMPS = """\
code,name,kind,price_eur,weight_kg,delivery_days,in_store,retired
P-20,Garden pump to 20 m,pump,189.00,6.5,3,14,no
P-45,Deep well pump to 45 m,pump,449.00,17.0,5,{store},no
P-90,Deep well pump to 90 m,pump,815.00,34.0,21,2,no
FL-1,Inlet filter,part,{filter},0.4,3,40,yes
HS-7,Hose 7 m,part,31.50,2.4,3,25,no
"""
MANUAL = """# Installation

Wells deeper than 45 m need the P-90. The P-45 is good for 15 to 45 m and for 100 kg of rope, the P-20 for anything
less deep.
"""
CHANGES = """# Changes

## 2.3 (2026-03-01)

- Fixed: the P-45 stopped on channel 2.
- Fixed: the lamp.

## 2.2 (2026-01-10)

- Added: a second channel.
- Fixed: the clock.

## 2.1 (2025-11-02)

- Added: the log.
"""
TERMS = """RETURNS

Customers return unused goods within thirty days of receipt. The fee for restocking is 10 %.
"""
FAQ = """# Questions

## Can customers return goods?

Unused goods are taken back within 14 days of receipt. We charge a fee of 12 % for restocking.

## How long is the warranty?

24 months on pumps.
"""
WARRANTY = "# Warranty\n\nThe warranty on pumps is 24 months. Hoses have no warranty.\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    files = {
        "prices_2025.csv": PUMPS.format(store=9, filter="11.00"),
        "prices_2026.csv": PUMPS.format(store=4, filter="12.00"),
        "manual.md": MANUAL,
        "changes.md": CHANGES,
        "terms.txt": TERMS,
        "faq.md": FAQ,
        "warranty.md": WARRANTY,
    }
    with workspace_of(tmp_path_factory.mktemp("shop"), files) as opened:
        yield opened


@pytest.mark.parametrize(
    ("question", "short"),
    [
        ("How heavy is the P-45?", "17.0 kg"),
        ("What is the weight of the P-45?", "17.0 kg"),
        ("How much does the P-90 weigh?", "34.0 kg"),
        ("How heavy is the Deep well pump to 90 m?", "34.0 kg"),
        ("Is the P-45 retired?", "No"),
        ("Is the FL-1 retired?", "Yes"),
    ],
)
def test_a_record_is_looked_up_by_each_of_its_names(shop: Workspace, question: str, short: str) -> None:
    answer = shop.ask(question)
    assert answer.short == short
    assert answer.citations[0].source.endswith("prices_2026.csv"), "The newer of two that agree, and it alone."
    assert "prices_2025" not in answer.text
    assert not answer.notices


def test_two_lists_that_differ_are_both_shown_with_the_newer_first(shop: Workspace) -> None:
    answer = shop.ask("What is the price of the FL-1?")
    assert answer.short == "12.00 EUR"
    assert answer.text.index("12.00") < answer.text.index("11.00")
    assert answer.notices == ("The documents differ on this; the newer one comes first.",)


def test_a_log_of_changes_is_no_table(shop: Workspace) -> None:
    assert shop.ask("How many channels has the P-45?").short != "1"


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        ("Within how many days can a customer return unused goods?", "30 days (terms.txt)", "14 days (faq.md)"),
        ("What is the fee for restocking?", "10 % (terms.txt)", "12 % (faq.md)"),
    ],
)
def test_two_amounts_are_both_shown_and_named(shop: Workspace, question: str, first: str, second: str) -> None:
    answer = shop.ask(question)
    assert {citation.source.rpartition("/")[2] for citation in answer.citations} >= {"terms.txt", "faq.md"}
    assert answer.short == ""
    [notice] = answer.notices
    assert notice.startswith("The documents give different answers: ")
    assert first in notice
    assert second in notice


def test_documents_that_agree_raise_no_notice(shop: Workspace) -> None:
    answer = shop.ask("How long is the warranty on pumps?")
    assert "24 months" in answer.text
    assert not answer.notices


def test_a_name_is_a_label_or_a_column_of_names_without_repeats() -> None:
    lines = [
        "code: A-1; name: Oak board; colour: red; net: 4.00",
        "code: A-2; name: Oak beam; colour: red; net: 5.00",
        "code: A-3; name: Pine beam; colour: blue; net: 6.00",
    ]
    table = table_of("boards.csv", [Record("", 0, 1, line, fields_of(line)) for line in lines], frozenset())
    assert [column.key for column in table.keys] == ["code"]
    assert record_named(table, "the price of A-2") == 1
    assert name_said(table, 1, "the price of A-2") == {"2"} | name_said(table, 1, "A-2")
    assert record_named(table, "what is red") is None
    assert record_named(table, "the price of A-7") is None


@pytest.mark.parametrize(
    ("words", "amount"),
    [
        ("within 30 days of receipt, fee 10 %", ("30", "day")),
        ("thirty days", ("30", "day")),
        ("€1,200 a year", ("1200", "eur")),
        ("CHF 40", ("40", "chf")),
        ("49 EUR", ("49", "eur")),
        ("12%", ("12", "%")),
        ("$4k per teammate", ("4000", "usd")),
        ("2.5 million EUR", ("2500000", "eur")),
        ("$1.25M", ("1250000", "usd")),
        ("5m of rope", ("5", "m")),
        ("in section 4 of E-30", None),
        ("Monday", None),
    ],
)
def test_an_amount_has_a_unit(words: str, amount: tuple[str, str] | None) -> None:
    assert amount_of(words) == amount


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    files = {
        "changes.md": RELEASES,
        "minutes.md": MINUTES,
        "leave.md": "# Leave\n\nOvertime is given back as free hours within a quarter (FLEX). Ask Ida.\n",
    }
    with workspace_of(tmp_path_factory.mktemp("office"), files) as opened:
        yield opened


RELEASES = """# Changes of the lock firmware

## 4.2.1 (2026-09-02)

- Fixed: the radio lost its signal in winter time.
- Fixed: door 8 was not locked by the night switch.

## 4.2.0 (2026-06-15)

- New: every opening is published.
- Changed: quiet hours also mute the app.
- Removed: the Gopher console. Use SSH.

## 4.1.0 (2025-11-20)

- New: lists may hold 64 cards instead of 32.
- Deprecated: the Gopher console.
"""
MINUTES = """# Minutes of 5 October 2026

Present: Brand, Kranich, Demir.

1. **Shortage of locks.** The foundry delivers 12 pieces in week 47. Until then nothing is promised to customers.
2. **Release 4.3.** Kranich proposes to postpone it from November to 26 January 2027. Agreed.
3. **Car park.** The gate stays open on Fridays. Demir puts up a sign.
"""


@pytest.mark.parametrize(
    ("question", "short", "other"),
    [
        ("In which firmware version was the Gopher console removed?", "4.2.0", "64 cards"),
        ("In which version was the Gopher console deprecated?", "4.1.0", "Use SSH"),
        ("Which release fixed the night switch of door 8?", "4.2.1", "Use SSH"),
    ],
)
def test_the_heading_of_an_entry_says_its_version(office: Workspace, question: str, short: str, other: str) -> None:
    answer = office.ask(question)
    assert not answer.abstained
    assert answer.short == short
    assert f"{short} (" in answer.text
    assert other not in answer.text


def test_a_point_of_an_agenda_stands_alone(office: Workspace) -> None:
    answer = office.ask("To when is release 4.3 postponed?")
    assert not answer.abstained
    assert "26 January 2027" in answer.text
    assert "foundry" not in answer.text
    assert "gate" not in answer.text


def test_entries_stay_together_where_their_heading_is_asked_about(office: Workspace) -> None:
    answer = office.ask("What was fixed in 4.2.1?")
    assert "winter time" in answer.text
    assert "night switch" in answer.text


@pytest.mark.parametrize("question", ["What does FLEX mean?", "What does FLEX stand for?"])
def test_a_short_form_is_explained_in_any_words(office: Workspace, question: str) -> None:
    answer = office.ask(question)
    assert not answer.abstained
    assert "(FLEX)" in answer.text


@pytest.mark.parametrize(
    ("text", "explained"),
    [
        ("Free hours for overtime (FLEX).", True),
        ("FLEX: free hours for overtime", True),
        ("FLEX means free hours", True),
        ("FLEX = free hours", True),
        ("FLEX: 8", False),
        ("FLEX lapses in May.", False),
        ("PRO-FLEX = another thing", False),
    ],
)
def test_what_explains_a_short_form(text: str, explained: bool) -> None:
    assert explains(text, "FLEX") is explained


@pytest.mark.parametrize(
    "question",
    [
        "What was decided on 5 October?",
        "minutes of October 5th, 2026",
        "what did we discuss in the meeting on 2026-10-05",
    ],
)
def test_minutes_of_a_day_are_their_points(office: Workspace, question: str) -> None:
    answer = office.ask(question)
    assert not answer.abstained
    assert all(words in answer.text for words in ("foundry", "26 January 2027", "gate stays open"))
    assert {citation.source.rpartition("/")[2] for citation in answer.citations} == {"minutes.md"}


def test_minutes_of_another_day_are_not_shown(office: Workspace) -> None:
    answer = office.ask("What was decided on 7 October?")
    assert answer.abstained
    assert "No document that was found is of that day." in answer.text


def test_one_point_of_a_day_is_asked_for(office: Workspace) -> None:
    answer = office.ask("What was decided about release 4.3 on 5 October?")
    assert "26 January 2027" in answer.text
    assert "foundry" not in answer.text


STAFF = """# Team

| Name | Role | Ext. | Office |
|---|---|---|---|
| Hanna Brand | Managing director | 11 | Linz |
| Ida Kranich | Head of development | 24 | Linz |
| Nils Over | Purchasing and stores | 52 | Steyr |
| Ayla Demir | Firmware | 26 | Linz |
"""


@pytest.fixture(scope="module")
def staff(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    files = {"team.md": STAFF}
    with workspace_of(tmp_path_factory.mktemp("staff"), files) as opened:
        yield opened


@pytest.mark.parametrize(
    ("question", "row"),
    [
        ("Who is responsible for purchasing?", "Nils Over"),
        ("Who takes care of stores?", "Nils Over"),
        ("who is in charge of development", "Ida Kranich"),
        ("what is the extension of Ayla", "Ayla Demir"),
        ("What is Nils's extension?", "Nils Over"),
    ],
)
def test_the_row_that_alone_has_a_word_is_shown_alone(staff: Workspace, question: str, row: str) -> None:
    answer = staff.ask(question)
    assert row in answer.text
    assert "Managing director" not in answer.text
