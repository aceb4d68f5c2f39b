"""Questions that are queries over records, of every kind of file: the whole list, or a refusal that says why not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import openpyxl
import pytest

from instill import Workspace
from instill.answer.found.records import fields_of

PEOPLE = [
    (name, ("Sales", "Finance", "Workshop")[n % 3], ("Bergen", "Oslo")[n % 2], "on leave" if n % 5 == 0 else "active")
    for n, name in enumerate(["Ada", "Bo", "Cy", "Dina", "Ewa", "Finn", "Gro", "Hal", "Ivo", "Jo", "Kai", "Lea"])
]
LAMPS = [
    {"sku": f"L-{n}", "price": 20 + 7 * n, "colour": ("red", "blue", "green")[n % 3], "in_stock": n % 4 != 0}
    for n in range(14)
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("shop")
    lines = [f"{name}x,{part},{city},{state}" for name, part, city, state in PEOPLE]
    (folder / "people.csv").write_text("Name,Department,City,Status\n" + "\n".join(lines) + "\n")
    (folder / "lamps.json").write_text(json.dumps({"lamps": LAMPS}, indent=1))
    (folder / "register.md").write_text(
        "# Register\n\n"
        + "".join(
            f"## Barge {n:03}\n\nKeeper: {['Olav', 'Pia', 'Rune'][n % 3]}\n"
            f"Status: {'paused' if n % 9 == 0 else 'afloat'}\nLoad: {n * 10} t\n\n"
            for n in range(1, 61)
        )
    )
    (folder / "servers.yaml").write_text(
        "servers:\n"
        + "".join(
            f"  - name: srv{n}\n    role: {['web', 'database'][n % 2]}\n"
            f"    state: {'retired' if n in (3, 8) else 'live'}\n"
            for n in range(1, 11)
        )
    )
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Rooms"
    sheet.append(["Room", "Floor", "Seats", "Beamer"])
    for n in range(12):
        sheet.append([f"R{100 + n}", 1 + n // 5, 4 + 2 * (n % 4), "yes" if n % 3 == 0 else "no"])
    book.save(folder / "rooms.xlsx")
    workspace = Workspace.init(folder / "kb")
    workspace.add([folder / name for name in ("people.csv", "lamps.json", "register.md", "servers.yaml", "rooms.xlsx")])
    return workspace


@pytest.mark.parametrize(
    ("question", "pattern", "expected"),
    [
        ("Which people are on leave?", r"\w+x\b", ["Adax", "Finnx", "Kaix"]),
        ("Who works in Finance?", r"\w+x\b", ["Box", "Ewax", "Halx", "Kaix"]),
        ("Which people in Oslo work in Sales?", r"\w+x\b", ["Dinax", "Jox"]),
        ("How many people work in the workshop?", r"\w+x\b", ["Cyx", "Finnx", "Ivox", "Leax"]),
        ("List all lamps that are blue.", r"L-\d+", ["L-1", "L-4", "L-7", "L-10", "L-13"]),
        ("Which lamps cost less than 40?", r"L-\d+", ["L-0", "L-1", "L-2"]),
        ("Which lamps are not in stock?", r"L-\d+", ["L-0", "L-4", "L-8", "L-12"]),
        ("Which lamps are red and in stock?", r"L-\d+", ["L-3", "L-6", "L-9"]),
        ("Which lamps are red or blue?", r"L-\d+", [f"L-{n}" for n in range(14) if n % 3 < 2]),
        ("How many lamps are there?", r"L-\d+", [f"L-{n}" for n in range(14)]),
        ("Which barges are paused?", r"Barge \d+", [f"Barge {n:03}" for n in range(9, 61, 9)]),
        ("Which barges have a load over 550 t?", r"Barge \d+", [f"Barge {n:03}" for n in range(56, 61)]),
        ("Which servers are retired?", r"srv\d+", ["srv3", "srv8"]),
        ("List all database servers that are live.", r"srv\d+", ["srv1", "srv5", "srv7", "srv9"]),
        ("Which rooms have a beamer?", r"R\d+", ["R100", "R103", "R106", "R109"]),
        ("Which rooms have 10 seats?", r"R\d+", ["R103", "R107", "R111"]),
        ("Which rooms are on floor 2?", r"R\d+", ["R105", "R106", "R107", "R108", "R109"]),
        ("Which rooms have at least 8 seats?", r"R\d+", ["R102", "R103", "R106", "R107", "R110", "R111"]),
    ],
)
def test_all_records_that_match_are_shown_and_no_other(
    shop: Workspace, question: str, pattern: str, expected: list[str]
) -> None:
    answer = shop.ask(question)
    assert not answer.abstained
    assert re.findall(pattern, answer.text) == expected
    assert answer.short == (str(len(expected)) if question.startswith("How many") else "")
    assert any(f"{len(expected)} " in notice and "the question" in notice for notice in answer.notices)
    for claim in answer.claims:
        [citation] = claim.citations
        assert shop.show(citation.doc_id).text[citation.start : citation.end] == citation.text


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("List all barges.", "register.md has 60 records; all fit the question, too many to show."),
        ("Which barges are not paused?", "register.md has 60 records; 54 fit the question, too many to show."),
        ("Which barges have a load over 900 t?", "None of the 60 records of register.md fits the question."),
        ("Which servers are retired or databases?", 'servers.yaml; what "or" means there cannot be told'),
        ("Which rooms are better than R107?", 'what "better than R107" means there cannot be told'),
    ],
)
def test_what_cannot_be_shown_whole_or_told_is_refused_with_the_reason(
    shop: Workspace, question: str, said: str
) -> None:
    answer = shop.ask(question)
    assert answer.abstained
    assert said in answer.text
    assert answer.claims == ()


def test_of_many_records_their_number_is_told_with_the_first_and_the_last(shop: Workspace) -> None:
    answer = shop.ask("How many barges are in the register?")
    assert answer.short == "60"
    assert re.findall(r"Barge \d+", answer.text) == ["Barge 001", "Barge 060"]
    assert answer.notices == ("register.md has 60 records; all fit the question, too many to show.",)


def test_one_record_that_is_looked_up_is_answered_as_before(shop: Workspace) -> None:
    answer = shop.ask("In which department does Grox work?")
    assert "Department: Sales" in answer.text
    assert "Halx" not in answer.text
    assert not any("records" in notice for notice in answer.notices)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("**Owner:** Olav\n- Status: paused", (("Owner", "Olav"), ("Status", "paused"))),
        ("Keeper: Ada. State: moored.", (("Keeper", "Ada"), ("State", "moored"))),
        ("Plain prose, no field.", ()),
        ('"price": 12,5\nname = lamp', (("price", "12,5"), ("name", "lamp"))),
    ],
)
def test_the_fields_of_a_record(text: str, fields: tuple[tuple[str, str], ...]) -> None:
    assert fields_of(text) == fields


def test_a_list_whose_length_is_asked_for_is_shown_whole(tmp_path: Path) -> None:
    names = ["init", "plant", "water", "prune", "fell", "map", "weigh", "move"]
    (tmp_path / "a.md").write_text(
        "# Commands\n\nAll commands of the tool `fir`:\n\n"
        + "".join(f"- `fir {name}`: to {name} a tree\n" for name in names)
    )
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add(tmp_path / "a.md")
        answer = workspace.ask("How many commands does fir have?")
    assert re.findall(r"fir (\w+):", answer.text.replace("fir:", "")) == names
