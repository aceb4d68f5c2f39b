"""Columns as programs name them ("weight_g", "on_hand"), states and values that share a word, and what counts rows."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from instill import Workspace
from instill.answer.found.record_columns import table_of
from instill.answer.found.record_conditions import conditions_of
from instill.answer.found.records import Record, fields_of
from instill.answer.types import Answer

HORSES = """\
id,name,breed,born,racing_weight_kg,box,papers,status
H01,Alba,Fjord,2012,520,1,yes,resting
H02,Bruno,Haflinger,2019,480,2,no,racing
H03,Cleo,Fjord,2021,455,2,no,racing
H04,Dario,Welsh Cob,2022,610,3,yes,training
H05,Enya,Fjord,2011,598,4,yes,racing
H06,Fips,Shetland,2020,190,5,no,resting
"""
FODDER = """\
article,code,on_hand,order_at,supplier,price_eur
Hay bale,F-1,14,6,Moorhof,8.00
Oats 25 kg,F-2,5,8,Moorhof,17.50
Straw bale,F-3,0,4,Moorhof,4.20
Salt lick,F-4,7,2,Kern,3.00
Carrots 10 kg,F-5,2,2,Kern,9.40
Linseed 5 kg,F-6,0,1,Kern,12.00
"""
RATIONS = """# Rations

| Breed | Hay a day (kg) | Oats |
|---|---|---|
| Fjord | 9 | little |
| Haflinger | 8 | half a scoop |
| Welsh Cob | 10 | one scoop |
| Shetland | 3 | none |
"""
SITES = """[
  {"site": "Abbey Oren", "country": "FR", "bells": 8, "heaviest_bell_kg": 3150, "contract": "gold"},
  {"site": "Town hall Dorn", "country": "DE", "bells": 3, "heaviest_bell_kg": 410, "contract": "none"},
  {"site": "Chapel Brix", "country": "AT", "bells": 4, "heaviest_bell_kg": 1240, "contract": "gold"},
  {"site": "Church Hasel", "country": "DE", "bells": 2, "heaviest_bell_kg": 1730, "contract": "none"},
  {"site": "Tower Vell", "country": "IT", "bells": 5, "heaviest_bell_kg": 980, "contract": "silver"}
]"""
STAFF = """# Staff

| Name | Role | Ext. | Deputy |
|---|---|---|---|
| Gerd Polt | Head of service | 31 | Rosa Hintner |
| Rosa Hintner | Technician | 33 | Gerd Polt |
| Nils Overby | Stores | 52 | vacant |
| Hedda Brand | Sales | 41 | Nils Overby |
"""
LEAVE = """# Leave

## Annual leave

Staff have 29 days of paid leave a year. In the first six months at most 10 days can be taken.

## Carrying over

Up to 8 unused days may be carried over. They lapse on 30 June.

## Moving house

One day is free for moving house, once in 24 months.

## Sickness

A note of a doctor is needed from the second day on.
"""
PRICES = """# Rides {year}

Valid from 1 March {year}.

| Ride | Length | Price | Riders |
|---|---|---|---|
| Forest ride | 60 min | {forest} EUR | 6 |
| Lake ride | 90 min | {lake} EUR | 4 |
| Night ride | 120 min | 75 EUR | 3 |
| Lesson | 45 min | {lesson} EUR | 8 |
"""
SOLD = """# Sold

| Month | Forest ride | Lake ride | Night ride | Lesson |
|---|---|---|---|---|
| 2026-04 | 31 | 12 | 4 | 80 |
| 2026-05 | 40 | 19 | 2 | 85 |
"""
RULES = """# Rules of the yard

The box plan (BXP) hangs at the gate. EMS means equine metabolic syndrome. VZ is the vet's visit of the quarter.

## Cancelling

- More than 14 days before the ride: the whole price is paid back.
- 5 to 14 days before: half of it.
- Less than 5 days before: nothing is paid back.

Riders who come more than 20 minutes late have a shorter ride.
"""


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("yard")
    (folder / "horses.csv").write_text(HORSES)
    (folder / "fodder.csv").write_text(FODDER)
    (folder / "rations.md").write_text(RATIONS)
    (folder / "rides-2025.md").write_text(PRICES.format(year=2025, forest=38, lake=55, lesson=30))
    (folder / "rides-2026.md").write_text(PRICES.format(year=2026, forest=42, lake=55, lesson=33))
    (folder / "sold.md").write_text(SOLD)
    (folder / "sites.json").write_text(SITES)
    (folder / "staff.md").write_text(STAFF)
    (folder / "leave.md").write_text(LEAVE)
    (folder / "rules.md").write_text(RULES)
    workspace = Workspace.init(tmp_path_factory.mktemp("ws"))
    workspace.add([folder])
    return workspace


def cells(text: str, column: str) -> list[str]:
    return [row[column] for row in csv.DictReader(io.StringIO(text))]


@pytest.mark.parametrize(
    ("question", "right"),
    [
        ("Which articles are out of stock?", {"Straw bale", "Linseed 5 kg"}),
        ("Which articles from Kern are out of stock?", {"Linseed 5 kg"}),
        ("Which articles have on_hand 0?", {"Straw bale", "Linseed 5 kg"}),
        ("Which articles have on_hand below order_at?", {"Oats 25 kg", "Straw bale", "Linseed 5 kg"}),
        ("Which articles have on_hand above order_at?", {"Hay bale", "Salt lick"}),
        ("Which products are out of stock?", {"Straw bale", "Linseed 5 kg"}),
        ("Which items are below their order level?", {"Oats 25 kg", "Straw bale", "Linseed 5 kg"}),
        ("Which sites have no service contract?", {"Town hall Dorn", "Church Hasel"}),
        ("Which horses are not racing?", {"Alba", "Dario", "Fips"}),
        ("Which horses are racing?", {"Bruno", "Cleo", "Enya"}),
        ("Which horses have papers?", {"Alba", "Dario", "Enya"}),
        ("Which horses have a papers certificate?", {"Alba", "Dario", "Enya"}),
        ("Which horses weigh more than 500 kg?", {"Alba", "Dario", "Enya"}),
        ("Which horses weigh over 500?", {"Alba", "Dario", "Enya"}),
    ],
)
def test_which_records(yard: Workspace, question: str, right: set[str]) -> None:
    answer = yard.ask(question)
    names = [*cells(HORSES, "name"), *cells(FODDER, "article"), *(each["site"] for each in json.loads(SITES))]
    assert not answer.abstained
    assert {name for name in names if name in answer.text} == right


@pytest.mark.parametrize(
    ("question", "short"),
    [
        ("How many articles are out of stock?", "2"),
        ("How many Fjord horses do we have?", "3"),
        ("What is the heaviest horse?", "Dario: 610 kg"),
        ("What do the articles at Moorhof cost on average?", "9.90 EUR"),
        ("Which site has the heaviest bell?", "Abbey Oren: 3150 kg"),
        ("How many sites are in DE?", "2"),
        ("How many sites are in IT?", "1"),
        ("How many bells are there in all sites together?", "22"),
        ("What is Rosa Hintner's extension?", "33"),
        ("Who is the deputy of Gerd Polt?", "Rosa Hintner"),
        ("How heavy is Bruno?", "480 kg"),
    ],
)
def test_figures_of_records(yard: Workspace, question: str, short: str) -> None:
    assert yard.ask(question).short == short


def test_one_record_is_shown_without_the_others(yard: Workspace) -> None:
    answer = yard.ask("What is Rosa Hintner's extension?")
    assert answer.text.startswith("Name: Rosa Hintner, Role: Technician, Ext.: 33")
    assert "Nils" not in answer.text


@pytest.mark.parametrize(
    ("question", "lacks"),
    [
        ("What is the salary of Rosa Hintner?", "salary"),
        ("How much does Nils Overby earn?", "salary"),
        ("How old is Hedda Brand?", "age"),
        ("What is Gerd Polt's email address?", "email address"),
    ],
)
def test_what_no_column_has_is_refused(yard: Workspace, question: str, lacks: str) -> None:
    answer = yard.ask(question)
    assert answer.abstained
    assert answer.text.endswith(f'The records of staff.md have no "{lacks}".')


def test_sections_of_a_text_are_not_counted(yard: Workspace) -> None:
    answer = yard.ask("How many days of annual leave do we get?")
    assert "29 days" in answer.text
    assert not any("records" in notice for notice in answer.notices)


def test_a_state_that_no_column_tells_is_not_dropped() -> None:
    rows = list(csv.DictReader(io.StringIO(FODDER)))
    lines = ["; ".join(f"{key}: {value}" for key, value in row.items()) for row in rows]
    records = [Record("", 0, 0, line, fields_of(line)) for line in lines]
    table = table_of("fodder.csv", records, frozenset({"fodder"}))
    question = "Which articles are out of date?"
    assert conditions_of(question, table, ["article", "date"], is_query=True).cannot == "out of date"
    assert not conditions_of("Which articles are out of stock?", table, ["article"], is_query=True).cannot


def prices(answer: Answer) -> list[str]:
    return [price for price in ("42", "38", "55", "75", "33", "30") if f"{price} EUR" in answer.text]


def test_of_two_price_lists_the_rows_that_are_asked_for(yard: Workspace) -> None:
    both = yard.ask("What does the forest ride cost now?")
    assert prices(both) == ["42", "38"]
    assert both.text.index("42") < both.text.index("38")
    assert both.notices == ("The documents differ on this; the newer one comes first.",)
    risen = yard.ask("Is the night ride more expensive than in 2025?")
    assert prices(risen) == ["75"]
    assert risen.notices == ("rides-2026.md and rides-2025.md say the same.",)


def test_sales_of_a_month_are_no_version_of_a_price_list(yard: Workspace) -> None:
    told = yard.ask("What is the difference between the forest ride and the lake ride?")
    assert told.notices == ("The documents differ on this; the newer one comes first.",)
    named = [line for line in told.text.splitlines() if line.startswith("Rides 20")]
    assert [line[:25] for line in named] == ["Rides 2026 (1 March 2026)", "Rides 2025 (1 March 2025)"]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What does EMS mean?", "EMS means equine metabolic syndrome"),
        ("What is EMS?", "EMS means equine metabolic syndrome"),
        ("What is the VZ?", "VZ is the vet's visit of the quarter"),
        ("What does BXP stand for?", "box plan (BXP)"),
    ],
)
def test_what_a_short_form_means(yard: Workspace, question: str, said: str) -> None:
    answer = yard.ask(question)
    assert not answer.abstained
    assert said in answer.text


def test_an_amount_is_not_found_in_another_unit(yard: Workspace) -> None:
    answer = yard.ask("What do I get back if I cancel 20 days before the ride?")
    assert answer.text.startswith("- More than 14 days before the ride: the whole price is paid back.")


def test_control_sequences_are_no_words(yard: Workspace) -> None:
    plain, coloured = yard.ask("What does EMS mean?"), yard.ask("What does \x1b[31mEMS\x1b[0m mean?")
    assert (coloured.text, coloured.confidence) == (plain.text, plain.confidence)


def test_an_empty_text_is_no_scan(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n \n")
    workspace = Workspace.init(tmp_path / "ws")
    [failed] = workspace.add([tmp_path / "empty.txt"]).failed
    assert "ocr" not in str(failed)


def test_a_heading_with_a_colon_names_its_record_with_one(tmp_path: Path) -> None:
    teams = {"Support": 36, "Design": 18, "Finance": 36, "Sales": 18}
    text = "# Laptops\n\n" + "".join(
        f"## {team} laptops:\n\n- Memory: {memory} GB\n- Screen: 14 inches\n\n" for team, memory in teams.items()
    )
    with Workspace.init(tmp_path / "laptops") as opened:
        opened.add_text(text, name="laptops.md")
        answer = opened.ask("Which laptops have 36 GB of memory?")
    assert [claim.text for claim in answer.claims] == [
        "- Support laptops: Memory: 36 GB; Screen: 14 inches",
        "- Finance laptops: Memory: 36 GB; Screen: 14 inches",
    ]
