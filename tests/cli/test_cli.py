"""The command line as a person and as a script sees it: output, `--json`, exit codes, no tracebacks."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from instill import Workspace
from instill.cli import main
from instill.cli.plugged import built_in_commands
from instill.errors import WorkspaceError

FORBIDDEN = (
    "torch",
    "transformers",
    "sentence_transformers",
    "markitdown",
    "pypdfium2",
    "rapidocr_onnxruntime",
    "openai",
    "fastapi",
    "uvicorn",
    "mcp",
    "jinja2",
)


@dataclass(frozen=True)
class Done:
    """What a command printed."""

    stdout: str
    stderr: str


def instill(*arguments: str, cwd: Path, code: int = 0, typed: str = "") -> Done:
    """Run a command in this process, through the same entry point as the shell's, and check its exit code."""
    stdout, stderr = io.StringIO(), io.StringIO()
    handler = signal.getsignal(signal.SIGINT)
    streams = contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr)
    standard_input = io.TextIOWrapper(io.BytesIO(typed.encode()))
    with contextlib.chdir(cwd), streams[0], streams[1], pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["instill", *arguments])
        patch.setattr(sys, "stdin", standard_input)
        patch.setenv("COLUMNS", "160")
        with pytest.raises(SystemExit) as end:
            main.run()
    signal.signal(signal.SIGINT, handler)
    assert (end.value.code or 0) == code, f"exit {end.value.code}\n{stdout.getvalue()}\n{stderr.getvalue()}"
    return Done(stdout.getvalue(), stderr.getvalue())


def as_json(*arguments: str, cwd: Path, code: int = 0) -> Any:
    return json.loads(instill(*arguments, "--json", cwd=cwd, code=code).stdout)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the handbook in it; the tests of this module only read it."""
    from tests.conftest import write_handbook

    folder = tmp_path_factory.mktemp("place")
    write_handbook(folder / "handbook")
    instill("init", ".", cwd=folder)
    lines = instill("add", "handbook", "--json", cwd=folder).stdout.splitlines()
    report = json.loads(lines[-1])
    assert len(lines) == 5  # one a file, then the report
    assert len(report["added"]) == 4
    return folder


def test_search_prints_passages_and_json(place: Path) -> None:
    shown = instill("search", "refund", "-k", "2", cwd=place).stdout
    assert "refunds.md" in shown
    assert "score" in shown
    hits = as_json("search", "refund", "-k", "2", cwd=place)["hits"]
    assert len(hits) == 2
    assert hits[0]["source"].endswith("handbook/refunds.md")
    assert hits[0]["score"] >= hits[1]["score"]


def test_ask_answers_refuses_and_traces(place: Path) -> None:
    shown = instill("ask", "Within how many days may customers return goods?", "--trace", cwd=place).stdout
    assert "thirty days" in shown
    assert "[1]" in shown
    assert "refunds.md" in shown
    assert "How it was found" in shown
    refused = as_json("ask", "What is the capital of Mongolia?", cwd=place)
    assert refused["abstained"]
    assert refused["claims"] == []
    instill("ask", "What is the capital of Mongolia?", "--strict", cwd=place, code=7)


def test_chat_from_a_pipe(place: Path) -> None:
    questions = "Within how many days may customers return goods?\nAnd sale items?\n"
    typed = questions + "/sources\n/why\n/new\n/sources\n/what\n/quit\n"
    shown = instill("chat", cwd=place, typed=typed).stdout
    assert "thirty days" in shown
    assert "(searched for:" in shown
    assert "There is no answer yet." in shown
    assert "Commands: /sources" in shown


def test_show_status_and_sql(place: Path) -> None:
    assert "Sale items can be exchanged" in instill("show", "handbook/refunds.md", cwd=place).stdout
    shown = as_json("show", "handbook/refunds.md", "--passages", cwd=place)
    text = shown["document"]["text"]
    assert all(text[passage["start"] : passage["end"]] == passage["text"] for passage in shown["passages"])
    status = as_json("status", cwd=place)
    assert (status["documents"], status["roots"]) == (4, [(place / "handbook").resolve().as_posix()])
    assert "4" in instill("status", cwd=place).stdout
    rows = as_json("sql", "select kind, count(*) as n from documents group by kind order by kind", cwd=place)["rows"]
    assert sum(row["n"] for row in rows) == 4


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("search", "x", "--where", "drop table"), 2),
        (("search", "x", "--mode", "magic"), 2),
        (("search", ""), 2),
        (("ask", " "), 2),
        (("show", "nothing-like-this"), 2),
        (("remove", "nothing-like-this"), 2),
        (("sql", "delete from documents"), 2),
        (("add", "no/such/file.txt"), 3),
        (("add", "handbook", "--meta", "year"), 2),
        (("nonsense",), 2),
        (("search",), 2),
        (("init", "."), 4),
        (("status", "--workspace", "/nowhere/at/all"), 4),
        (("chat", "--conversation", "nothing"), 2),
    ],
)
def test_mistakes_have_a_message_and_an_exit_code(place: Path, arguments: tuple[str, ...], code: int) -> None:
    done = instill(*arguments, cwd=place, code=code)
    assert done.stderr.strip()


def test_errors_are_json_for_machines(place: Path) -> None:
    done = instill("show", "nothing-like-this", "--json", cwd=place, code=2)
    assert set(json.loads(done.stderr)["error"]) == {"kind", "what", "where", "remedy"}
    assert done.stdout == ""


def test_every_command_has_help_with_an_example(place: Path) -> None:
    listing = instill("--help", cwd=place).stdout
    for command in (
        "init",
        "add",
        "sync",
        "watch",
        "remove",
        "status",
        "show",
        "search",
        "ask",
        "chat",
        "sql",
        "doctor",
        "reindex",
    ):
        assert command in listing
        shown = instill(command, "--help", cwd=place).stdout
        assert "Example:" in shown
        assert "--json" in shown
    assert instill("--version", cwd=place).stdout.startswith("instill 0.")


def test_one_document_is_counted_as_one(tmp_path: Path) -> None:
    instill("init", ".", cwd=tmp_path)
    (tmp_path / "tea.md").write_text("Green tea is brewed at 80 degrees.")
    instill("add", "tea.md", cwd=tmp_path)
    assert instill("reindex", cwd=tmp_path).stdout == "Encoded 1 document again. The new index is in use.\n"


def test_doctor_names_what_is_there(place: Path) -> None:
    findings = {finding["name"]: finding for finding in as_json("doctor", cwd=place)["findings"]}
    assert findings["encoder"]["verdict"] == "ok"
    assert findings["index"]["what"].startswith("4 documents")
    assert findings["generator"]["verdict"] == "optional"


def test_doctor_repairs_a_damaged_index(place: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(place, tmp_path / "copy"))
    [data, *_] = sorted(copy.glob(".instill/index/g*/passages.lance/data/*.lance"))
    data.unlink()
    instill("search", "refund", cwd=copy, code=4)
    found = instill("doctor", cwd=copy, code=1).stdout
    assert "damaged: passages cannot be read" in found
    assert "instill doctor --repair" in found
    done = instill("doctor", "--repair", cwd=copy).stdout
    assert "The index is repaired: 0 documents are complete." in done
    instill("sync", cwd=copy)
    assert as_json("doctor", "--repair", cwd=copy)["repair"]["damage"] == []
    assert as_json("status", cwd=copy)["documents"] == 4


def test_a_closed_pipe_is_no_error(place: Path) -> None:
    command = f"{sys.executable} -m instill search refund --full -k 50 | head -c 1"
    done = subprocess.run(["bash", "-c", command], cwd=place, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""


def test_answering_never_imports_what_only_reading_and_training_need(place: Path) -> None:
    commands = [["status"], ["search", "refund"], ["ask", "Who approves a journey?"]]
    code = (
        "import sys, instill.cli.main as main\n"
        f"for arguments in {commands!r}:\n"
        "    sys.argv = ['instill', *arguments]\n"
        "    try:\n        main.run()\n    except SystemExit as end:\n        assert not end.code, end.code\n"
        f"    print(arguments[0], [name for name in {FORBIDDEN!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=place, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines() == [f"{command[0]} []" for command in commands], done.stderr[-2000:]


def test_control_characters_of_documents_do_not_reach_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "evil.txt").write_text("The moon \x1b[2J\x1b]0;owned\x07 is made of green cheese\u202e and dust.")
    instill("init", ".", cwd=tmp_path)
    instill("add", "evil.txt", cwd=tmp_path)
    for arguments in (["search", "moon cheese"], ["ask", "What is the moon made of?"], ["show", "evil.txt"]):
        shown = instill(*arguments, cwd=tmp_path).stdout
        assert "green cheese" in shown
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_says_how_to_go_on_and_leaves_a_whole_workspace(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    for number in range(1500):
        (notes / f"note{number}.txt").write_text(
            f"Note {number}. " + f"Box {number} stands on shelf {number % 7}. " * 4
        )
    instill("init", ".", cwd=tmp_path)
    run = subprocess.Popen(
        [sys.executable, "-m", "instill", "add", "notes"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not _committed(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.5)
    time.sleep(0.3)  # The first files are counted, and it reads and encodes others.
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130, errors
    documents = as_json("status", cwd=tmp_path)["documents"]
    said = re.search(r"Stopped\. (\d+) files are done and kept; run the same command again for the rest\.", errors)
    assert said is not None, errors
    assert 0 < int(said[1]) <= documents < 1500
    assert "Traceback" not in errors


def _committed(folder: Path) -> int:
    """How many documents of a workspace another process has committed."""
    try:
        with Workspace.open(folder) as workspace:
            return workspace.status().documents
    except WorkspaceError:  # It is just being made.
        return 0


def test_standard_input_and_watch(tmp_path: Path) -> None:
    instill("init", ".", cwd=tmp_path)
    instill("add", "-", "--name", "office.txt", cwd=tmp_path, typed="The office closes at 18:00 on Fridays.")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("The first file speaks of apples.")
    instill("add", "folder", cwd=tmp_path)
    watcher = subprocess.Popen(
        [sys.executable, "-m", "instill", "watch", "--json"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert watcher.stdout is not None
    assert json.loads(watcher.stdout.readline())["unchanged"] == 1
    (folder / "b.txt").write_text("The second file speaks of pears.")
    assert json.loads(watcher.stdout.readline())["added"] == [(folder / "b.txt").resolve().as_posix()]
    watcher.terminate()
    assert watcher.wait(timeout=30) == 0
    watcher.stdout.close()


def test_an_empty_workspace_says_so(tmp_path: Path) -> None:
    instill("init", ".", cwd=tmp_path)
    assert "Nothing was added" in instill("search", "tea", cwd=tmp_path).stdout
    done = instill("ask", "What is tea?", cwd=tmp_path)
    assert "Nothing was added" in done.stderr
    assert "do not answer" in done.stdout


def described(command: Any) -> Any:
    """A command, and those in it, with all their options."""
    inner = {name: described(each) for name, each in getattr(command, "commands", {}).items()}
    return command.help, [(each.name, each.opts, each.help) for each in command.params if each.name != "help"], inner


@pytest.mark.parametrize("name", built_in_commands())
def test_a_command_that_is_built_alone_is_the_same(name: str) -> None:
    alone, whole = main.command_line([name, "--json"]), main.command_line([])
    assert list(alone.commands) == [name]
    assert described(alone.commands[name]) == described(whole.commands[name])


@pytest.mark.parametrize("arguments", [["nonsense"], [], ["--help"], ["--version"], ["--", "-"]])
def test_for_what_is_no_command_all_are_built(arguments: list[str]) -> None:
    assert set(main.command_line(arguments).commands) == set(built_in_commands())
