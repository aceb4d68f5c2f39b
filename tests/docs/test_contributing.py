"""The steps of CONTRIBUTING.md can be followed: what they name is there, and is what they say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WANTED = {"A format", "A generator", "A metric", "An arm", "A command", "A kind of question", "An experiment"}

_PATH = re.compile(r"(?:src|tests|docs|bench|examples)/[\w./-]*")
_TEST_CLASS = re.compile(r"[A-Z]\w+Tests")


def recipes() -> dict[str, list[str]]:
    """Heading -> its steps; a paragraph is one step."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## How to add …\n")[1]
    parts = re.split(r"^### (.+)$", text, flags=re.MULTILINE)[1:]
    found = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        steps = re.split(r"^\d+\. |\n\n", body, flags=re.MULTILINE)
        found[name.strip()] = [" ".join(step.split()) for step in steps if step.strip()]
    return found


def names_in(file: Path) -> set[str]:
    """Every name that a module defines, also inside of classes."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[-1])
    return found


STEPS = [(name, step) for name, steps in recipes().items() for step in steps]


def test_every_kind_of_part_has_its_steps() -> None:
    assert set(recipes()) >= WANTED
    for name in WANTED:
        assert 3 <= len(recipes()[name]) <= 6, f"{name}: a short list of steps"


@pytest.mark.parametrize(("name", "step"), STEPS, ids=[f"{name}-{number}" for number, (name, _) in enumerate(STEPS)])
def test_a_step_names_what_is_there(name: str, step: str) -> None:
    """Its files exist; names beside a single module are defined in it; classes of tests are in `instill.testing`."""
    quoted = re.findall(r"`([^`]+)`", step)
    paths = [each for each in quoted if _PATH.fullmatch(each)]
    for path in paths:
        assert (ROOT / path).exists(), path
    modules = [ROOT / path for path in paths if path.startswith("src/") and path.endswith(".py")]
    names = [each for each in quoted if re.fullmatch(r"[A-Za-z_]\w+", each) and each not in ("name", "answer", "say")]
    import instill.testing

    for each in names:
        if _TEST_CLASS.fullmatch(each):
            assert each in instill.testing.__all__
        elif len(modules) == 1 and each[0].isupper():
            assert each in names_in(modules[0]), f"{each} is not in {modules[0].name}"


def test_the_one_table_of_formats_is_what_the_step_says() -> None:
    """A line there is all: no other module lists endings or names of formats."""
    from instill.documents.formats import BUILT_IN

    words = {f'"{name}"' for name in BUILT_IN} - {
        '"text"',
        '"json"',
        '"code"',
        '"image"',
        '"html"',
        '"markdown"',
        '"xml"',
    }
    for file in (ROOT / "src" / "instill" / "documents").glob("*.py"):
        if file.name in ("formats.py", "unsupported_formats.py"):
            continue
        found = words & set(re.findall(r'"\w+"', file.read_text(encoding="utf-8")))
        most = 8 if file.name == "format_detection.py" else 4  # what it tells apart by content
        assert len(found) <= most, f"{file.name} lists formats: {sorted(found)}"


def test_a_name_in_the_table_of_commands_is_a_command() -> None:
    """The steps for a command end with a line in docs/commands.md; each command has one."""
    from instill.cli.plugged import built_in_commands

    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for command in built_in_commands():
        assert re.search(rf"`instill {command}[ `]", page), command
