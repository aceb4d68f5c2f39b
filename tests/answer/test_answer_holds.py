"""Answers over small folders, each made for one way in which an answer goes wrong."""

from __future__ import annotations

import pytest

from instill import Workspace
from instill.answer.types import Answer

FOLDERS = {
    "pages": {
        "keep.md": "# Keep\n\nKeep stores parcels.\n\n## Removing it\n\nUse the following command to remove it:\n\n"
        "```\nkeepctl remove --all\n```\n",
        "release-2.4.md": "# Release 2.4\n\nRelease 2.4 adds a night mode to the parcel wall.\n",
        "leave-2021.md": "# Leave\n\nVersion 1, valid from 1 May 2021.\n\nEmployees get twelve days of leave a year. "
        "Requests go to the office.\n",
        "leave-2023.md": "# Leave\n\nVersion 2, valid from 1 July 2023. It replaces version 1.\n\nEmployees get "
        "fifteen days of leave a year. Requests go to the office.\n",
        "faults.md": "# Faults\n\n" + "".join(f"- F-{n}: hatch {n % 9} is stuck\n" for n in range(210, 260)),
        "terms.md": "# Terms\n\nThe Northern Ferry Board (NFB) runs the boats.\n",
        "money.md": "# Money\n\nThe NFB spends 9 million crowns a year.\n",
        "prices.csv": "Lamp,Height,Price\nAlfa,30 cm,120\nBravo,45 cm,180\nCharlie,60 cm,260\nDelta,75 cm,310\n",
    },
    "register": {
        "boats.md": "# Boats\n\n"
        + "".join(
            f"## Boat {n:02}\n\nKeeper: {['Ada', 'Bo', 'Cy'][n % 3]}. State: "
            f"{'moored' if n % 7 == 0 else 'at sea'}.\n\n"
            for n in range(1, 31)
        ),
    },
}


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Workspace]:
    opened = {}
    for name, files in FOLDERS.items():
        folder = tmp_path_factory.mktemp(name)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
        opened[name] = Workspace.init(folder / "kb")
        opened[name].add([str(folder / file) for file in files])
    return opened


@pytest.fixture
def pages(workspaces: dict[str, Workspace]) -> Workspace:
    return workspaces["pages"]


def said(answer: Answer) -> str:
    return f"{answer.short}\n{answer.text}"


def test_a_command_is_shown_with_its_introduction(pages: Workspace) -> None:
    answer = pages.ask("How do I remove Keep?")
    assert "Use the following command to remove it:" in answer.text
    assert "\n```\nkeepctl remove --all\n```" in answer.text


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("What does fault F-999 mean?", "F-999"),
        ("What is new in release 3.7?", "3.7"),
        ("How many days of leave do employees get in 1987?", "1987"),
    ],
)
def test_what_the_question_pins_down_and_nothing_speaks_of_is_refused_by_name(
    pages: Workspace, question: str, missing: str
) -> None:
    answer = pages.ask(question)
    assert answer.abstained
    assert f'"{missing}"' in answer.text


def test_a_code_is_found_among_its_neighbours_and_shown_alone(pages: Workspace) -> None:
    answer = pages.ask("What does fault F-233 mean?")
    assert "F-233: hatch 8 is stuck" in answer.text
    assert "F-232" not in said(answer)


def test_two_versions_are_both_shown_the_newer_first_and_none_on_top(pages: Workspace) -> None:
    answer = pages.ask("How many days of leave do employees get a year?")
    assert answer.text.index("fifteen") < answer.text.index("twelve")
    assert "1 July 2023" in answer.text
    assert "1 May 2021" in answer.text
    assert answer.short == ""
    assert any("differ" in notice for notice in answer.notices)


def test_a_short_form_is_found_by_its_full_name(pages: Workspace) -> None:
    assert "9 million crowns" in pages.ask("How much does the Northern Ferry Board spend a year?").text


def test_a_row_is_shown_alone_with_its_columns(pages: Workspace) -> None:
    answer = pages.ask("What is the price of the lamp Bravo?")
    assert "Lamp: Bravo" in answer.text.replace("=", ":")
    assert "180" in answer.text
    assert "260" not in said(answer)


def test_a_row_that_says_all_but_a_generic_word_is_shown_alone(pages: Workspace) -> None:
    answer = pages.ask("What is the height value of the lamp Charlie?")
    assert "60 cm" in answer.text
    assert "45 cm" not in said(answer)


def test_the_heading_says_whose_record_it_is(workspaces: dict[str, Workspace]) -> None:
    answer = workspaces["register"].ask("Who is the keeper of boat 17?")
    assert "Boat 17" in answer.text
    assert "Keeper: Cy" in answer.text
    assert "Boat 18" not in answer.text


def test_a_query_over_records_is_answered_by_all_of_them(workspaces: dict[str, Workspace]) -> None:
    answer = workspaces["register"].ask("Which boats are moored?")
    named = {n for n in range(1, 31) if f"Boat {n:02}" in answer.text}
    assert answer.abstained or named == {7, 14, 21, 28}


def test_every_citation_is_verbatim_and_has_a_line(pages: Workspace) -> None:
    for question in ("How do I remove Keep?", "What does fault F-233 mean?", "What is the price of the lamp Bravo?"):
        for citation in pages.ask(question).citations:
            text = pages.show(citation.doc_id).text
            assert text[citation.start : citation.end] == citation.text
            line = text.count("\n", 0, citation.start) + 1
            assert citation.line == (None if citation.source.endswith(".csv") else line)
