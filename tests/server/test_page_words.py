"""What the pages say instead of commands: each phrase that is replaced is still said somewhere, each command is one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import instill
from instill.cli.plugged import built_in_commands
from instill.server import page_words
from instill.server.jobs.job_results import outcome
from instill.server.page_words import in_page_words, on_pages


def said_in_source() -> str:
    """All texts of the package's code but those of the table itself."""
    found = []
    for file in Path(instill.__file__).parent.rglob("*.py"):
        if file.name != "page_words.py":
            tree = ast.parse(file.read_text(encoding="utf-8"))
            found += [
                each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and type(each.value) is str
            ]
    return "\n".join(found)


def test_every_phrase_is_said_somewhere() -> None:
    said = said_in_source()
    assert [phrase for phrase in page_words._PHRASES if phrase not in said] == []


def test_every_command_is_there() -> None:
    named = {words.split()[0] for words in (*page_words._PAGE_OF, *page_words._NO_PAGE)}
    assert named <= set(built_in_commands())


@pytest.mark.parametrize(
    ("remedy", "shown"),
    [
        ("Run: instill remove --purge", "Run on the server: instill remove --purge"),
        ("Then: instill questions judge ID right", "Then on the page Questions"),
        ("See what is installed: instill plugins", "See what is installed on the server: instill plugins"),
        ("List them: GET /api/documents", "List them on the page Documents"),
        ("Write to instill@example.org", "Write to instill@example.org"),
        ("To use it anyway: --force", "To use it anyway, check the box beside “Promote”."),
        ("Leave --by wording out.", "Leave (on the command line) --by wording out."),
        ("Run: instill train attack --candidate X", "Run on the server: instill train attack --candidate X"),
    ],
)
def test_a_command_is_a_place_on_a_page_or_for_the_server(remedy: str, shown: str) -> None:
    assert on_pages(remedy) == shown


def test_whatever_is_said_to_a_person_is_in_the_words_of_the_pages() -> None:
    """Also what happened, and what a job says of itself; the name of an option is no place on a page."""
    empty = "Nothing was added to this workspace yet. Add documents: instill add PATH"
    said = "Nothing was added to this workspace yet. Add documents on the page Documents"
    assert in_page_words({"what": empty, "said": empty, "notices": [empty]}) == {
        "what": said,
        "said": said,
        "notices": [said],
    }
    failed = {"what": empty, "where": "--base", "remedy": "Run: instill add PATH"}
    assert outcome("tune", "failed", failed).said == f"{said} Do this on the page Documents"
    assert outcome("calibrate", "done", {"verdict": empty}).said == said
