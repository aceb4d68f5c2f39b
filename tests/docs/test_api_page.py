"""docs/api-python.md has every public name, as the code has it, with an example that runs."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

import instill
from tests.conftest import write_handbook
from tests.docs.api_page import PAGE, TOP, entries, examples_of, public_of, written


def test_every_public_name_is_there_once() -> None:
    names = [name for _, name, _ in entries()]
    assert len(names) == len(set(names))
    wanted = {f"Workspace.{name}" for name in public_of(instill.Workspace)}
    assert wanted <= set(names), sorted(wanted - set(names))
    assert set(instill.__all__) - {"Workspace"} <= set(names)


def test_the_page_says_what_the_code_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(examples_of(page)), "run: python tests/docs/api_page.py"


@pytest.mark.parametrize(("name", "found"), [(name, found) for _, name, found in entries()])
def test_every_name_is_documented_and_has_an_example(name: str, found: object) -> None:
    document = getattr(found, "__func__", found).__doc__ or ""
    assert len(document.split()) >= 3, f"{name} has no docstring"
    example = examples_of(PAGE.read_text(encoding="utf-8")).get(name, "")
    assert name.rpartition(".")[2] in example, f"{name} has no example that uses it"


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, as one program, in a folder with a handbook."""
    write_handbook(tmp_path / "handbook")
    monkeypatch.chdir(tmp_path)
    [first] = re.findall(r"^```python\n(.*?)^```", TOP, re.MULTILINE | re.DOTALL)
    programs = {"top": first, **examples_of(PAGE.read_text(encoding="utf-8"))}
    space: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for name, code in programs.items():
            exec(compile(code, f"<example of {name}>", "exec"), space)
