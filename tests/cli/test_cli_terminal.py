"""Nothing that a name, a title or an error holds can act on a terminal, on standard output and standard error."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.cli.output import columns
from instill.errors.escapes import json_text, shown, shown_block
from tests.cli.test_cli import Done, instill

CLI = Path(__file__).parents[2] / "src" / "instill" / "cli"
WRITERS = ("print", "typer.echo", "typer.secho", "sys.stdout.write", "sys.stderr.write", "Console", "json.dump")
ESCAPE, BELL, OVERRIDE = "\x1b", "\x07", "\u202e"
NAME = f"tea{ESCAPE}[31m{BELL}\nnot read: x{OVERRIDE}\x9b2J.md"
SHOWN_NAME = r"tea\x1b[31m\x07\nnot read: x\u202e\x9b2J.md"
TITLE = f"Green{ESCAPE}]0;owned{BELL} tea{OVERRIDE}"


def acts(text: str) -> list[str]:
    """Characters other than line ends that a terminal would act on, or that reorder or hide what is read."""
    odd = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return sorted({each for each in text if each != "\n" and unicodedata.category(each) in odd})


@given(st.text())
def test_what_is_shown_is_one_line_without_anything_that_acts(text: str) -> None:
    found = shown(text)
    assert "\n" not in found
    assert set(acts(found)) <= {"\u200c", "\u200d"}
    assert acts(shown_block(text.replace("\t", " "))) == acts(found)
    assert shown(found) == found


@given(st.text(alphabet=st.characters(codec="utf-8")), st.text(alphabet=st.characters(codec="utf-8")))
def test_two_names_that_differ_look_different_unless_one_holds_a_backslash(a: str, b: str) -> None:
    if "\\" not in a + b and a != b:
        assert shown(a) != shown(b)


@given(st.dictionaries(st.text(), st.text()))
def test_json_says_the_same_and_nothing_in_it_acts(value: dict[str, str]) -> None:
    for written in (json_text(value), json_text(value, indent=2)):
        assert json.loads(written) == value
        assert acts(written) == []


def test_a_joiner_of_a_script_and_an_emoji_stay_as_they_are() -> None:
    for name in ("می‌خواهم.md", "👩‍🔬.md", "क्‍ष.md", "Übung 3.pdf", "日本語 資料.txt"):
        assert shown(name) == name
    assert shown("pay\u200dpal") == r"pay\u200dpal"
    assert shown("a\u200d\u200db\u3164") == r"a\u200d\u200db\u3164"
    assert shown("caf\udce9.md") == r"caf\xe9.md"


def test_a_line_end_in_a_cell_makes_no_row() -> None:
    assert columns([("id", "source"), ("1", "a\nb")]) == "id  source\n1   a\\nb"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a document whose name and title act on a terminal."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "in").mkdir()
    (folder / "in" / NAME).write_text(
        f"---\nowner: {json.dumps(TITLE)}\n---\n# {TITLE}\n\nGreen tea is brewed at 80 degrees for two minutes.\n",
        encoding="utf-8",
    )
    instill("init", ".", cwd=folder)
    return folder


def checked(done: Done) -> Done:
    assert acts(done.stdout + done.stderr) == [], (done.stdout, done.stderr)
    assert not re.search(r"^not read: x", done.stdout + done.stderr, re.M)
    return done


def test_every_command_shows_the_name_escaped(hostile: Path) -> None:
    inside, outside = hostile / "in", hostile / f"secret{ESCAPE}[2J"
    outside.write_text("Somewhere else.", encoding="utf-8")
    (inside / f"link{BELL}.md").symlink_to(outside)
    (inside / f"empty{OVERRIDE}.md").touch()
    (inside / f"bin{ESCAPE}c.md").write_bytes(b"\x00\x01" * 200)
    failed = checked(instill("add", "in", cwd=hostile, code=3))
    assert r"link\x07.md" in failed.stderr
    assert r"secret\x1b[2J" in failed.stderr
    assert r"empty\u202e.md" in failed.stderr
    for arguments in (
        ("status", "-d"),
        ("status",),
        ("search", "green tea"),
        ("ask", "At how many degrees is green tea brewed?", "--trace"),
        ("show", f"in/{NAME}"),
        ("show", f"in/{NAME}", "--passages"),
        ("sql", "select source from documents"),  # In a table with more columns the name is wrapped.
        ("sql", f'select 1 as "a{ESCAPE}[31m"'),
        ("sync",),
    ):
        code = 3 if arguments == ("sync",) else 0
        done = checked(instill(*arguments, cwd=hostile, code=code))
        if arguments not in (("status",), ("sync",)) and "select 1" not in arguments[-1]:
            assert r"tea\x1b[31m" in done.stdout.replace("\n", ""), arguments
    checked(instill("sql", "select source, title, metadata from documents", cwd=hostile))
    assert SHOWN_NAME in instill("status", "-d", cwd=hostile).stdout


@pytest.mark.parametrize("as_json", [False, True])
def test_errors_show_what_was_typed_escaped(hostile: Path, as_json: bool) -> None:
    machine = ("--json",) if as_json else ()
    for arguments, code in (
        (("show", f"no{NAME}"), 2),
        (("remove", f"no{NAME}"), 2),
        (("search", "x", "--where", f"'{NAME}' ="), 2),
        (("search", "x", "--mode", NAME), 2),
        (("sql", f'select "{NAME}" from documents'), 2),
        (("show", "one", f"two{NAME}"), 2),
        (("search", f"--{NAME}", "x"), 2),
        ((f"unknown{NAME}",), 2),
        (("status", "-w", f"/nowhere/{NAME}"), 4),
        (("add", f"gone{NAME}"), 3),
        (("chat", "-c", NAME), 2),
        (("add", f"http://127.0.0.1:9/{NAME}"), 3),
    ):
        done = checked(instill(*arguments, *machine, cwd=hostile, code=code))
        if as_json and code != 3:
            assert json.loads(done.stderr)["error"]["what"]


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems refuse such names")
def test_a_name_that_is_no_utf8_is_reported_and_nothing_breaks(tmp_path: Path) -> None:
    instill("init", ".", cwd=tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "good.md").write_text("Tea is green.", encoding="utf-8")
    with open(os.fsencode(tmp_path / "in") + b"/caf\xe9.md", "wb") as file:  # noqa: PTH123 - the name is bytes
        file.write(b"Coffee is black.")
    done = checked(instill("add", "in", cwd=tmp_path, code=3))
    assert r"caf\xe9.md" in done.stderr
    assert "1 added" in done.stdout
    checked(instill("add", "in", "--json", cwd=tmp_path, code=3))


def test_a_bug_s_traceback_is_escaped_too(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(NAME)

    monkeypatch.setattr("instill.workspace.Workspace.show", broken)
    done = checked(instill("show", "x", cwd=hostile, code=1))
    assert "Traceback" in done.stderr
    assert "RuntimeError: tea\\x1b[31m" in done.stderr


@pytest.mark.parametrize("file", sorted(CLI.glob("*.py")), ids=lambda file: file.name)
def test_only_one_file_writes_to_the_terminal(file: Path) -> None:
    if file.name == "terminal.py":
        return
    bad = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in WRITERS:
                bad.append(f"line {node.lineno}: {called}")
    assert not bad, f"print with say, say_block or print_json: {', '.join(bad)}"
