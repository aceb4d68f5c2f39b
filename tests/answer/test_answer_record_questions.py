"""Questions over records: the highest, how many, sums, values in words, two rows or two versions side by side."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill import Workspace
from instill.answer.asked.kind_of_answer import read_question
from instill.answer.asked.record_wish import wish_of
from instill.answer.found.pieces import Piece
from instill.answer.found.record_columns import column_of
from instill.answer.found.record_query import Selection, select_records
from instill.answer.types import Answer
from instill.index.types import Hit

TILES_2025 = """# Tile list 2025

Prices hold from 1 January 2025, without tax.

| Tile | Price | Stock |
|---|---|---|
| Slate tile | 45.00 EUR | 12 |
| Chalk tile | 39.90 EUR | 30 |
| Basalt tile | 19.80 EUR | 8 |
| Marble tile | 58.00 EUR | 2 |
| Onyx tile | 80.00 EUR | 1 |

## Delivery

Delivery costs 35 EUR per order. Orders above 800 EUR are delivered for nothing.

## Opening hours

The yard is open from 8 to 17.
"""
TILES_2026 = """# Tile list 2026

Prices hold from 1 January 2026, without tax.

| Tile | Price | Stock |
|---|---|---|
| Slate tile | 48.50 EUR | 14 |
| Chalk tile | 41.20 EUR | 0 |
| Basalt tile | 19.80 EUR | 9 |
| Marble tile | 61.00 EUR | 0 |
| Granite tile | 61.00 EUR | 3 |

## Delivery

Delivery costs 39 EUR per order. Orders above 900 EUR are delivered for nothing.

## Opening hours

The yard is open from 8 to 17.

Cutting is done on Fridays only.
"""
PEOPLE = [
    ("Ada Brandt", "Research", "2014-03-01", "4410", "62000"),
    ("Ben Holm", "Office", "2019-09-15", "", "41000"),
    ("Carla Fuchs", "Production", "2011-01-10", "4412", "48000"),
    ("Dario Conti", "Logistics", "2022-05-01", "", "38000"),
    ("Elin Strand", "Research", "2011-01-10", "4415", "64500"),
    ("Goran Ilic", "Logistics", "2023-07-01", "4417", ""),
]
ARTICLES = [("Screws", 1200, 0.05), ("Hinges", 0, 2.4), ("Glue", 18, 9.9), ("Runner", 0, 14.5), ("Sample card", 200, 0)]
DEVICES = [
    {"name": "laser-1", "floor": 1, "bought": "2017-05-02", "assigned_to": "Office"},
    {"name": "laser-2", "floor": 2, "bought": "2021-02-11", "assigned_to": ""},
    {"name": "nas-1", "floor": 2, "bought": "2015-10-30", "assigned_to": "IT"},
    {"name": "cam-7", "floor": 3, "bought": "2023-08-14", "assigned_to": ""},
    {"name": "cam-8", "floor": 2, "assigned_to": "Security"},
]
PROJECTS = [
    ("Harbour", "Ada Brandt", "120000 EUR", 18),
    ("Orchard", "Carla Fuchs", "45000 EUR", 9),
    ("Lantern", "Elin Strand", "80000 EUR", 24),
    ("Sparrow", "", "15000 EUR", 6),
]
ROWERS = [("Ines Rohr", 2009, "14"), ("Jonas Keel", 2021, ""), ("Kirsten Oar", 2009, "3"), ("Liv Helm", 2024, "")]
ROOMS = [("Linden", 12, "yes", 40), ("Maple", 6, "no", 22), ("Cedar", 30, "yes", 85), ("Willow", 8, "yes", 25)]
BRANCHES = [("Basel", 840, 910), ("Bern", 1210, 1180), ("Chur", 305, 330)]
ORDERS = [
    ("A-1", "1200", "EUR", "yes"),
    ("A-2", "880", "CHF", "no"),
    ("A-3", "310", "EUR", "yes"),
    ("A-4", "4100", "CHF", "no"),
]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("office")
    (folder / "tiles-2025.md").write_text(TILES_2025)
    (folder / "tiles-2026.md").write_text(TILES_2026)
    (folder / "staff.csv").write_text(_csv("Name,Department,Since,Phone,Salary", PEOPLE))
    (folder / "orders.csv").write_text(_csv("Order,Amount,Currency,Paid", ORDERS))
    years = [row for name, old, new in BRANCHES for row in ((name, 2025, f"{old} kEUR"), (name, 2026, f"{new} kEUR"))]
    (folder / "turnover.csv").write_text(_csv("Branch,Year,Turnover", years))
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Inventory"
    for row in [("Article", "Stock", "Unit price (EUR)"), *ARTICLES]:
        sheet.append(row)
    book.save(folder / "inventory.xlsx")
    (folder / "devices.json").write_text(json.dumps({"devices": DEVICES}, indent=1))
    (folder / "projects.yaml").write_text(
        "projects:\n"
        + "".join(
            f"  - name: {name}\n    lead: {lead}\n    budget: {budget}\n    duration: {months} months\n"
            for name, lead, budget, months in PROJECTS
        )
    )
    (folder / "rowers.md").write_text(
        "# Members of the rowing club\n\n"
        + "\n".join(f"Name: {name}\nJoined: {year}\nLocker: {locker}\n" for name, year, locker in ROWERS)
    )
    (folder / "rooms.md").write_text(
        "# Rooms\n\n"
        + "".join(f"## {name}\n\nSeats: {s}\nProjector: {p}\nArea: {area} m²\n\n" for name, s, p, area in ROOMS)
    )
    workspace = Workspace.init(folder / "kb")
    workspace.add(sorted(path for path in folder.iterdir() if path.is_file()))
    return workspace


def _csv(head: str, rows: Sequence[Sequence[object]]) -> str:
    return head + "\n" + "\n".join(",".join(map(str, row)) for row in rows) + "\n"


NAMES = re.compile(
    r"\b(?:"
    + "|".join(
        [
            *("Slate", "Chalk", "Basalt", "Marble", "Onyx", "Granite"),
            *(str(row[0]) for row in (*PEOPLE, *ARTICLES, *PROJECTS, *ROWERS, *ROOMS, *ORDERS)),
            *(str(device["name"]) for device in DEVICES),
            *(f"{name}; Year: {year}" for name, *_ in BRANCHES for year in (2025, 2026)),
        ]
    )
    + r")\b"
)


def named_first(answer: Answer) -> list[str]:
    """The name of each record that is shown: the first name of its claim."""
    return [match.group() for claim in answer.claims if (match := NAMES.search(claim.text))]


@pytest.mark.parametrize(
    ("question", "short", "shown", "said"),
    [
        # -- superlatives
        ("Which tile is the most expensive?", "Marble tile and Granite tile: 61.00 EUR", ["Marble", "Granite"],
         'Highest "Price" among the 5 records of tiles-2026.md. Not looked at: tiles-2025.md.'),
        ("What is the cheapest tile that is in stock?", "Basalt tile: 19.80 EUR", ["Basalt"],
         'Lowest "Price" among the 3 of 5 records of tiles-2026.md that fit the question. '
         "Not looked at: tiles-2025.md."),
        ("Which tile was the most expensive in 2025?", "Onyx tile: 80.00 EUR", ["Onyx"],
         'Highest "Price" among the 5 records of tiles-2025.md.'),
        ("What is the second cheapest tile?", "Chalk tile: 41.20 EUR", ["Chalk"],
         'Lowest "Price" among the 5 records of tiles-2026.md. Not looked at: tiles-2025.md.'),
        ("Which device is the oldest?", "nas-1: 2015-10-30", ["nas-1"],
         'Earliest "bought" among the 5 records of devices.json; one of them has none.'),
        ("What is the newest device on floor 2?", "laser-2: 2021-02-11", ["laser-2"],
         'Latest "bought" among the 3 of 5 records of devices.json that fit the question; one of them has none.'),
        ("Which employee has been here longest?", "Carla Fuchs and Elin Strand: 2011-01-10",
         ["Carla Fuchs", "Elin Strand"], 'Earliest "Since" among the 6 records of staff.csv.'),
        ("Which are the top three projects by budget?", "Harbour: 120000 EUR; Lantern: 80000 EUR; Orchard: 45000 EUR",
         ["Harbour", "Lantern", "Orchard"], 'Highest "budget" among the 4 records of projects.yaml.'),
        ("Which project runs the longest?", "Lantern: 24 months", ["Lantern"],
         'Highest "duration" among the 4 records of projects.yaml.'),
        ("Which room is the largest?", "Cedar: 85 m²", ["Cedar"], 'Highest "Area" among the 4 records of rooms.md.'),
        ("Which room with a projector has the fewest seats?", "Willow: 8", ["Willow"],
         'Lowest "Seats" among the 3 of 4 records of rooms.md that fit the question.'),
        ("Who joined the club first?", "Ines Rohr and Kirsten Oar: 2009", ["Ines Rohr", "Kirsten Oar"],
         'Earliest "Joined" among the 4 records of rowers.md.'),
        ("Which branch has the highest turnover?", "Bern (2026): 1180 kEUR; Bern (2025): 1210 kEUR",
         ["Bern; Year: 2026", "Bern; Year: 2025"], 'Highest "Turnover" among the 6 records of turnover.csv.'),
        ("Which branch had the lowest turnover in 2025?", "Chur (2025): 305 kEUR", ["Chur; Year: 2025"],
         'Lowest "Turnover" among the 3 of 6 records of turnover.csv that fit the question.'),
        ("Who earns the most?", "Elin Strand: 64500", ["Elin Strand"],
         'Highest "Salary" among the 6 records of staff.csv; one of them has none.'),
        # -- counts
        ("How many tiles cost more than 45 EUR?", "3", ["Slate", "Marble", "Granite"],
         "3 of the 5 records of tiles-2026.md fit the question. Not looked at: tiles-2025.md."),
        ("How many employees are there?", "6", [name for name, *_ in PEOPLE],
         "staff.csv has 6 records, and all of them fit the question."),
        ("How many rooms have a projector?", "3", ["Linden", "Cedar", "Willow"],
         "3 of the 4 records of rooms.md fit the question."),
        ("How many devices are on floor 3?", "1", ["cam-7"], "1 of the 5 records of devices.json fits the question."),
        ("How many devices were bought before 2018?", "2", ["laser-1", "nas-1"],
         '2 of the 5 records of devices.json fit the question. 1 of them has no value under "bought".'),
        # -- sums and means
        ("What do the tiles in stock cost together?", "129.30 EUR", ["Slate", "Basalt", "Granite"],
         'Sum of "Price" over 3 records. Not looked at: tiles-2025.md.'),
        ("What is the average price of a tile?", "46.30 EUR", ["Slate", "Chalk", "Basalt", "Marble", "Granite"],
         'Mean of "Price" over 5 records. Not looked at: tiles-2025.md.'),
        ("What is the total budget of all projects?", "260000 EUR", [name for name, *_ in PROJECTS],
         'Sum of "budget" over 4 records.'),
        ("How many seats do the rooms have in total?", "56", [name for name, *_ in ROOMS],
         'Sum of "Seats" over 4 records.'),
        ("What is the average salary in Logistics?", "38000", ["Dario Conti", "Goran Ilic"],
         'Mean of "Salary" over 1 record; one of them has no number there.'),
        ("What is the total amount of the orders?", "", [name for name, *_ in ORDERS],
         'No sum is given: the values of "Amount" are in CHF and EUR.'),
        ("What is the total amount of the orders in EUR?", "1510 EUR", ["A-1", "A-3"],
         'Sum of "Amount" over 2 records.'),
        ("What is the total turnover of Basel?", "", ["Basel; Year: 2025", "Basel; Year: 2026"],
         "No sum is given: the records are of 2026 and 2025."),
        # -- values in words
        ("Which tiles are out of stock?", "", ["Chalk", "Marble"],
         "2 of the 5 records of tiles-2026.md fit the question. Not looked at: tiles-2025.md."),
        ("Which articles are sold out?", "", ["Hinges", "Runner"],
         "2 of the 5 records of inventory.xlsx fit the question."),
        ("Which articles are in stock?", "", ["Screws", "Glue", "Sample card"],
         "3 of the 5 records of inventory.xlsx fit the question."),
        ("Which articles are free of charge?", "", ["Sample card"],
         "1 of the 5 records of inventory.xlsx fits the question."),
        ("Which devices are unassigned?", "", ["laser-2", "cam-7"],
         "2 of the 5 records of devices.json fit the question."),
        ("Which devices are assigned?", "", ["laser-1", "nas-1", "cam-8"],
         "3 of the 5 records of devices.json fit the question."),
        ("Who has no phone number?", "", ["Ben Holm", "Dario Conti"],
         "2 of the 6 records of staff.csv fit the question."),
        ("Which employees are without a phone?", "", ["Ben Holm", "Dario Conti"],
         "2 of the 6 records of staff.csv fit the question."),
        ("Which members have no locker?", "", ["Jonas Keel", "Liv Helm"],
         "2 of the 4 records of rowers.md fit the question."),
        ("Which members have a locker?", "", ["Ines Rohr", "Kirsten Oar"],
         "2 of the 4 records of rowers.md fit the question."),
        ("Which projects have no lead?", "", ["Sparrow"], "1 of the 4 records of projects.yaml fits the question."),
        ("Which orders have not been paid?", "", ["A-2", "A-4"], "2 of the 4 records of orders.csv fit the question."),
        # -- rows held against each other
        ("Is the slate tile more expensive than the chalk tile?", "Yes: 48.50 against 41.20 EUR", ["Slate", "Chalk"],
         "Not looked at: tiles-2025.md."),
        ("Is the basalt tile more expensive than the chalk tile?", "No: 19.80 against 41.20 EUR", ["Basalt", "Chalk"],
         "Not looked at: tiles-2025.md."),
        ("Is the marble tile cheaper than the granite tile?", "No: both 61.00 EUR", ["Marble", "Granite"],
         "Not looked at: tiles-2025.md."),
        ("Which is larger, Linden or Willow?", "Linden: 40 against 25 m²", ["Linden", "Willow"], None),
        ("What is the difference in price between the slate tile and the chalk tile?",
         "7.30 EUR (48.50 against 41.20 EUR)", ["Slate", "Chalk"], "Not looked at: tiles-2025.md."),
        ("Is Ada Brandt longer here than Ben Holm?", "Yes: 2014-03-01 against 2019-09-15", ["Ada Brandt", "Ben Holm"],
         None),
        ("Which devices are older than laser-2?", "", ["laser-1", "nas-1"],
         '2 of the 5 records of devices.json fit the question. 1 of them has no value under "bought".'),
        # -- versions
        ("How has the turnover of Basel changed from 2025 to 2026?", "from 840 to 910 kEUR",
         ["Basel; Year: 2026", "Basel; Year: 2025"], "2 of the 6 records of turnover.csv, the newest first."),
        ("How much more does the slate tile cost in 2026 than in 2025?", "3.50 EUR (48.50 against 45.00 EUR)",
         ["Slate", "Slate"], "From two versions, the newer first: tiles-2026.md and tiles-2025.md."),
        ("What did the slate tile cost before?", "45.00 EUR", ["Slate", "Slate"],
         "From two versions, the newer first: tiles-2026.md and tiles-2025.md."),
        ("What did the granite tile cost before?", "", ["Granite"], "tiles-2025.md has nothing like it."),
        ("Has the price of the basalt tile changed?", "unchanged: 19.80 EUR", ["Basalt", "Basalt"],
         "From two versions, the newer first: tiles-2026.md and tiles-2025.md."),
        ("Which tiles are new in 2026?", "", ["Granite"],
         "tiles-2026.md compared with tiles-2025.md: 2 new, 5 changed, 1 left out."),
        ("Which tiles are no longer offered in 2026?", "", ["Onyx"],
         "tiles-2026.md compared with tiles-2025.md: 2 new, 5 changed, 1 left out."),
    ],
)  # fmt: skip
def test_what_is_asked_of_records_is_told_with_the_records_that_carry_it(
    office: Workspace, question: str, short: str, shown: list[str], said: str | None
) -> None:
    answer = office.ask(question)
    assert not answer.abstained, answer.text
    assert answer.short == short
    assert named_first(answer) == shown
    assert answer.notices == ((said,) if said else ())
    for citation in answer.citations:
        assert office.show(citation.doc_id).text[citation.start : citation.end] == citation.text


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Which tile is the prettiest?", 'what "prettiest" means there cannot be told'),
        ("Who is the oldest employee?", 'what "oldest" means there cannot be told'),
        ("Which order is the largest?", 'what "largest" means there cannot be told'),
        ("How many tiles cost more than 500 EUR?", "None of the 5 records of tiles-2026.md fits the question."),
        ("Which tiles cost more than 40 CHF?", 'what "more than 40 CHF" means there cannot be told'),
        (
            "How has the parking fee changed from 2025 to 2026?",
            'Nothing in tiles-2026.md or tiles-2025.md that was found speaks of "parking"',
        ),
        ("How has the delivery price changed from 2021 to 2022?", "2021"),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_reason_and_no_note_stands_above(
    office: Workspace, question: str, said: str
) -> None:
    answer = office.ask(question)
    assert answer.abstained
    assert said in answer.text
    assert answer.notices == ()


def test_a_changed_paragraph_is_shown_of_both_versions_the_newer_first(office: Workspace) -> None:
    answer = office.ask("How has the delivery price changed from 2025 to 2026?")
    assert [claim.text for claim in answer.claims] == [
        "Tile list 2026: Delivery costs 39 EUR per order. Orders above 900 EUR are delivered for nothing.",
        "Tile list 2025: Delivery costs 35 EUR per order. Orders above 800 EUR are delivered for nothing.",
    ]
    assert [citation.title for citation in answer.citations] == ["Tile list 2026", "Tile list 2025"]
    same = office.ask("How have the opening hours changed from 2025 to 2026?")
    assert same.notices == ("tiles-2026.md and tiles-2025.md say the same.",)


def test_all_that_is_new_in_a_version_is_listed_with_what_it_was(office: Workspace) -> None:
    answer = office.ask("What is new in the 2026 list?")
    assert [claim.text for claim in answer.claims] == [
        "- Tile list 2026: Tile: Granite tile, Price: 61.00 EUR, Stock: 3",
        "- Tile list 2026: Cutting is done on Fridays only.",
        *(
            f"- Tile list {year}: Tile: {name} tile, Price: {price} EUR, Stock: {stock}"
            for name, new, old in (
                ("Slate", ("48.50", 14), ("45.00", 12)),
                ("Chalk", ("41.20", 0), ("39.90", 30)),
                ("Basalt", ("19.80", 9), ("19.80", 8)),
                ("Marble", ("61.00", 0), ("58.00", 2)),
            )
            for year, (price, stock) in ((2026, new), (2025, old))
        ),
        "- Tile list 2026: Delivery costs 39 EUR per order. Orders above 900 EUR are delivered for nothing.",
        "- Tile list 2025: Delivery costs 35 EUR per order. Orders above 800 EUR are delivered for nothing.",
    ]
    assert answer.notices == ("tiles-2026.md compared with tiles-2025.md: 2 new, 5 changed, 1 left out.",)


# -- over many tables, without an index ----------------------------------------------------------------------------

NAMED = ["Alder", "Birch", "Cypress", "Durmast", "Elder", "Fir", "Ginkgo", "Hazel", "Ilex", "Juniper"]


def rendered(form: str, rows: Sequence[Mapping[str, str]]) -> str:
    """The rows as a document: a table of Markdown, lines, paragraphs or sections of "key: value"."""
    keys = list(rows[0])
    if form == "table":
        lines = [
            "| " + " | ".join(each) + " |" for each in (keys, ["---"] * len(keys), *(list(r.values()) for r in rows))
        ]
        return "# Trees\n\n" + "\n".join(lines) + "\n"
    if form == "lines":
        return "\n".join("; ".join(f"{key}: {value}" for key, value in row.items() if value) for row in rows) + "\n"
    if form == "paragraphs":
        return "\n\n".join("\n".join(f"{key}: {value}" for key, value in row.items()) for row in rows) + "\n"
    return "# Trees\n\n" + "\n\n".join(
        f"## {row['Tree']}\n\n" + "\n".join(f"{key}: {value}" for key, value in row.items() if key != "Tree")
        for row in rows
    )


def selected(text: str, question: str) -> Selection | None:
    """What the question selects from a document that is all there is."""
    hit = Hit("d", 0, 0, len(text), text, "", None, None, "trees.md", "markdown", "Trees", (), {}, 1.0, 1.0, 1.0)
    place = text.index("Alder")
    row = (text.rfind("\n", 0, place) + 1, text.find("\n", place))
    asked = read_question(question)
    piece = Piece(hit, "row", (row,), "", 0)
    return select_records(asked, [piece], [hit], lambda _: text, dict.fromkeys(asked.terms, 1.0))


def names_of(found: Selection) -> list[str]:
    return [
        next(name for name in NAMED if name in f"{piece.headings} {piece.text.splitlines()[-1]} {piece.text}")
        for piece in found.pieces
    ]


FORMS = st.sampled_from(["table", "lines", "paragraphs", "sections"])
PRICES = st.lists(
    st.one_of(st.none(), st.decimals(min_value=0, max_value=99_999, places=2, allow_nan=False)), min_size=4, max_size=10
).filter(lambda each: sum(value is not None for value in each) >= max(2, len(each) / 2))


def table(prices: Sequence[Decimal | None], form: str) -> str:
    rows = [
        {"Tree": name, "Price": "" if price is None else f"{price} EUR", "Row": str(n % 3 + 1)}
        for n, (name, price) in enumerate(zip(NAMED, prices, strict=False))
    ]
    return rendered(form, rows)


@settings(max_examples=25, deadline=None)
@given(PRICES, FORMS, st.booleans(), st.integers(1, 4))
def test_the_extremes_are_those_of_the_numbers(
    prices: list[Decimal | None], form: str, cheap: bool, count: int
) -> None:
    words = ("", "", "two ", "three ", "four ")[count]
    found = selected(table(prices, form), f"Which are the {words}{'cheapest' if cheap else 'most expensive'} trees?")
    assert found is not None
    assert found.sure
    known = [(price, name) for name, price in zip(NAMED, prices, strict=False) if price is not None]
    values = sorted((price for price, _ in known), reverse=not cheap)
    last = values[min(count, len(values)) - 1]
    expected = {name for price, name in known if (price <= last if cheap else price >= last)}
    assert set(names_of(found)) == expected
    price_of = {name: price for price, name in known}
    assert all(f"{price_of[name]} EUR" in found.short for name in expected)
    missing = len(prices) - len(known)
    assert ("none" in found.said) == bool(missing)


@settings(max_examples=25, deadline=None)
@given(PRICES, FORMS, st.integers(0, 99_999), st.booleans())
def test_counts_are_those_of_the_numbers(prices: list[Decimal | None], form: str, limit: int, over: bool) -> None:
    found = selected(table(prices, form), f"How many trees cost {'more' if over else 'less'} than {limit} EUR?")
    assert found is not None
    met = [p is not None and (p > limit if over else p < limit) for p in prices]
    assert found.short == (str(sum(met)) if any(met) else "")
    assert names_of(found) == [name for name, each in zip(NAMED, met, strict=False) if each]
    if not any(met):
        assert found.said == f"None of the {len(prices)} records of trees.md fits the question."


@settings(max_examples=25, deadline=None)
@given(PRICES, FORMS)
def test_sums_and_means_are_exact(prices: list[Decimal | None], form: str) -> None:
    known = [price for price in prices if price is not None]
    total = selected(table(prices, form), "What do the trees cost altogether?")
    mean = selected(table(prices, form), "What is the average price of the trees?")
    assert total is not None
    assert mean is not None
    assert total.short == f"{sum(known, Decimal(0))} EUR"
    exact = Fraction(sum(known, Decimal(0))) / len(known)
    told = Fraction(mean.short.removesuffix(" EUR"))
    assert abs(told - exact) <= Fraction(1, 200)
    assert ("rounded" in mean.said) == (told != exact)
    assert names_of(total) == NAMED[: len(prices)]


@settings(max_examples=25, deadline=None)
@given(PRICES, FORMS, st.integers(0, 9), st.integers(0, 9))
def test_two_rows_compare_as_their_numbers(prices: list[Decimal | None], form: str, one: int, other: int) -> None:
    one, other = one % len(prices), other % len(prices)
    if one == other:
        return
    found = selected(table(prices, form), f"Is the {NAMED[one]} more expensive than the {NAMED[other]}?")
    assert found is not None
    assert names_of(found) == [NAMED[one], NAMED[other]]
    first, second = prices[one], prices[other]
    if first is None or second is None:
        assert found.short == ""
        assert 'has no value under "Price"' in found.said
    else:
        assert found.short.startswith("Yes" if first > second else "No")


@pytest.mark.parametrize(
    ("cells", "kind", "values", "units"),
    [
        (["1,200.50 EUR", "90 EUR"], "number", ["1200.50", "90"], {"EUR"}),
        (["€ 1.200,50", "€ 90"], "number", ["1200.50", "90"], {"EUR"}),
        (["1 200 km", "90 km"], "number", ["1200", "90"], {"km"}),
        (["1'200", "90"], "number", ["1200", "90"], set()),
        (["1.200", "950"], "text", [], set()),  # 1.2 or 1200?
        (["0.125 kg", "1.250 kg"], "number", ["0.125", "1.250"], {"kg"}),
        (["12 kg", "900 g"], "number", ["12", "900"], {"kg", "g"}),
        (["-4 °C", "−2 °C"], "number", ["-4", "-2"], {"°C"}),
        (["12", "on request", "14"], "number", ["12", None, "14"], set()),
        (["P-100", "P-200"], "text", [], set()),
        (["2 of 5", "3 of 5"], "text", [], set()),
        (["3/4/2024", "4/5/2024"], "text", [], set()),
    ],
)
def test_numbers_are_read_as_they_are_written(
    cells: list[str], kind: str, values: list[str | None], units: set[str]
) -> None:
    column = column_of("Amount", cells)
    assert column.kind == kind
    assert column.units == units
    if kind == "number":
        assert list(column.values) == [None if value is None else Decimal(value) for value in values]


@pytest.mark.parametrize(
    "question",
    [
        "What is the best way to reset the password?",
        "Which rooms have at least 8 seats?",
        "What does the latest test request contain?",
        "Where is the guest house in the west?",
        "What does a mean value mean?",
    ],
)
def test_words_that_only_look_like_a_superlative_or_a_sum_are_none(question: str) -> None:
    assert wish_of(question).kind in ("rows", "count") or wish_of(question).words == "latest"


def test_the_answer_of_a_table_whose_numbers_can_be_read_in_two_ways_is_refused(tmp_path: Path) -> None:
    rows = [{"Tree": name, "Price": price} for name, price in zip(NAMED, ["1.200", "950", "410", "75"], strict=False)]
    found = selected(rendered("table", rows), "Which tree has the highest price?")
    assert found is not None
    assert not found.pieces
    assert found.said == 'The numbers under "Price" of trees.md can be read in two ways: "1.200" is 1200 or 1.2.'
