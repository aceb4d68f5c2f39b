"""A remedy says what to type; a Python program gets it in Python's words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.errors import UsageError
from instill.errors.python_words import _CALLS, in_python

SOURCE = Path(__file__).parents[2] / "src" / "instill"


def remedies() -> Iterator[str]:
    """Every remedy that is written anywhere in the package; "x" for what is filled in."""
    for file in sorted(SOURCE.rglob("*.py")):
        if "cli" in file.parts:
            continue  # seen at the command line only
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "remedy":
                for part in ast.walk(node.value):
                    if isinstance(part, ast.JoinedStr):
                        yield "".join(
                            str(each.value) if isinstance(each, ast.Constant) else "x" for each in part.values
                        )
                    elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield part.value


def test_no_remedy_sends_a_program_to_options_of_the_command_line() -> None:
    found = list(remedies())
    assert sum("instill " in each for each in found) > 30  # they are found
    for each in found:
        said = in_python(each)
        outside = re.sub(r"instill [^()]*\(in a shell\)", "", said)
        assert not re.search(r"(?<![\w-])--[a-z]", outside), said
        for command in _CALLS:
            assert not re.search(rf"\binstill {command}(?![\w-])", outside), said


@pytest.mark.parametrize(
    ("typed", "called"),
    [
        ("Run: instill init 'my notes'", "Run: Workspace.init('my notes')"),
        ("Run: instill reindex (encodes with what is set).", "Run: workspace.reindex() (encodes with what is set)."),
        ("See `instill study make` and more.", "See workspace.study() and more."),
        ("To remove them too: instill remove /srv/a.md", 'To remove them too: workspace.remove("/srv/a.md")'),
        ("Set generator.folder, and leave --no-train out.", "Set generator.folder, and leave train=False out."),
        ("Run: instill models list.", "Run: workspace.models.list()."),
        ("See: instill train reader --help.", "See: instill train reader --help (in a shell)."),
        ("Check the path.", "Check the path."),
        ("Run: pip install instill[train]", "Run: pip install instill[train]"),
    ],
)
def test_commands_become_calls(typed: str, called: str) -> None:
    assert in_python(typed) == called


def test_the_command_line_is_told_what_to_type() -> None:
    error = UsageError("The query is empty.", remedy='Try: instill search "your words"')
    assert error.command == error.as_dict()["remedy"] == 'Try: instill search "your words"'
    assert error.remedy == 'Try: workspace.search("your words")'
    assert str(error) == 'The query is empty. Try: workspace.search("your words")'


@given(st.text())
def test_any_text_can_be_a_remedy(text: str) -> None:
    assert isinstance(in_python(text), str)
    assert len(UsageError("It is so.", where=text).as_dict()) == 4
