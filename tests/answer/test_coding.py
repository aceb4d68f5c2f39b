"""Code by a generator: what it uses is known from the documents, with the place, or marked as unknown."""

from __future__ import annotations

import ast
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill import Workspace
from instill.answer.coding.check_names import checked
from instill.answer.coding.documented_names import definitions_of
from instill.answer.coding.used_names import used_in
from instill.answer.coding.write_code import code_in
from instill.errors import UsageError
from tests.cli.test_cli import as_json, instill
from tests.study.documents import stored

SOURCE = '''"""Kilns over a serial line."""

from dataclasses import dataclass

LIMIT = 1300


@dataclass
class Glaze:
    name: str
    degrees: int = 900


class Kiln:
    def __init__(self, port, *, baud=9600):
        self.port = port

    def fire(self, degrees, minutes=60):
        return degrees

    @staticmethod
    def ports(kind="usb"):
        return []


def connect(port, timeout=5.0):
    return Kiln(port)
'''
MANUAL = """# The kiln library

Install quilnpot, then:

    from quilnpot import connect
    kiln = connect("/dev/kiln", timeout=2)
    kiln.cool(rate=30)

`Kiln.status` says how hot it is.
"""
GOOD = """import json
from quilnpot import connect, Glaze

kiln = connect("/dev/kiln", timeout=3)
kiln.fire(900, minutes=30)
print(json.dumps(Glaze("celadon", degrees=1200).name), "a".upper())
"""
BAD = """from quilnpot import connect, melt

kiln = connect("/dev/kiln", retries=3)
kiln.fire(900, 30, 7)
kiln.explode()
melt(kiln)
"""


class Endpoint:
    """A server on loopback that speaks as OpenAI's: the next of `replies`, in one piece of a stream."""

    def __init__(self) -> None:
        self.replies: list[str] = []
        self.requests: list[Any] = []
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                ours.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                piece = {"choices": [{"index": 0, "delta": {"content": ours.replies.pop(0)}, "finish_reason": "stop"}]}
                body = f"data: {json.dumps(piece)}\n\ndata: [DONE]\n\n".encode()
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def writer() -> Iterator[Endpoint]:
    found = Endpoint()
    yield found
    found.server.shutdown()
    found.server.server_close()


def states(code: str, *texts: tuple[str, str]) -> dict[str, str]:
    documents = [stored(text, doc_id=name, title="") for name, text in texts]
    found = checked(used_in(code), definitions_of(documents))
    for each in found:
        if each.shown is not None:
            document = next(one for one in documents if one.record.doc_id == each.shown.doc_id)
            assert document.text[each.shown.start : each.shown.end] == each.shown.text
    return {each.name: each.state for each in found}


@pytest.fixture
def workspace(tmp_path: Path, writer: Endpoint) -> Path:
    folder = tmp_path / "kb"
    (tmp_path / "quilnpot").mkdir()
    (tmp_path / "quilnpot" / "kilns.py").write_text(SOURCE)
    (tmp_path / "quilnpot" / "manual.md").write_text(MANUAL)
    with Workspace.init(folder) as opened:
        opened.add(tmp_path / "quilnpot" / "kilns.py", labels="staff")
        opened.add(tmp_path / "quilnpot" / "manual.md", labels="all")
    (folder / "instill.toml").write_text(f'[generator]\nbase_url = "{writer.url}"\nmodel = "m"\n')
    return folder


def test_known_names_are_cited_and_unknown_ones_marked(workspace: Path, writer: Endpoint) -> None:
    writer.replies = [f"Here it is:\n```python\n{GOOD}```", f"```python\n{BAD}```"]
    with Workspace.open(workspace) as opened:
        good = opened.ask_code("Fire the kiln at 900 degrees for half an hour")
        bad = opened.ask_code("Fire the kiln at 900 degrees for half an hour")
    assert good.code == GOOD.strip("\n")
    assert good.unknown == ()
    by_name = {each.name: each for each in good.checked}
    shown = by_name["quilnpot.connect:timeout"].shown
    assert shown is not None
    assert "def connect(port, timeout=5.0)" in shown.text
    assert by_name["quilnpot.connect().fire:minutes"].state == "known"
    assert by_name["json.dumps"].state == "standard"
    assert [each.name for each in bad.unknown] == [
        "quilnpot.melt", "quilnpot.connect:retries", "quilnpot.connect().fire:3", "quilnpot.connect().explode",
        "quilnpot.melt:1",
    ]  # fmt: skip


def test_a_caller_gets_what_their_documents_show(workspace: Path, writer: Endpoint) -> None:
    writer.replies = [f"```python\n{GOOD}```"] * 2
    with Workspace.open(workspace) as opened:
        found = opened.ask_code("Fire the kiln", labels=["all"])
    unknown = {each.name for each in found.unknown}
    assert {"quilnpot.Glaze", "quilnpot.connect().fire"} <= unknown
    assert "quilnpot.connect:timeout" not in unknown  # The manual calls it so.
    assert "class Kiln" not in json.dumps(writer.requests[-1])


def test_the_command_prints_and_fails_where_it_is_strict(workspace: Path, writer: Endpoint) -> None:
    writer.replies = [f"```python\n{BAD}```", "I cannot.", f"```python\n{GOOD}```"]
    told = instill("ask", "--code", "Melt it", "--strict", cwd=workspace, code=7).stdout
    assert "UNKNOWN  line 1: quilnpot.melt" in told
    assert as_json("ask", "--code", "Melt it", cwd=workspace)["problem"] == "The reply holds no code."
    assert as_json("ask", "--code", "Fire it", "--strict", cwd=workspace)["unknown"] == []


def test_without_a_generator_it_says_what_to_do(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as opened, pytest.raises(UsageError, match="needs a generator"):
        opened.ask_code("Fire the kiln")


def test_an_empty_request_names_the_argument_and_an_example(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as opened, pytest.raises(UsageError) as caught:
        opened.ask_code(" ")
    told = 'The question is empty. (question) Pass for example "Fire the kiln at 900 degrees".'
    assert str(caught.value) == told


def test_kinds_of_definitions_and_of_uses() -> None:
    manual = ("quilnpot-manual", MANUAL)
    assert states("import quilnpot\nquilnpot.connect('x', timeout=1).cool(rate=3)", manual) == {
        "quilnpot": "known", "quilnpot.connect:1": "known", "quilnpot.connect:timeout": "known",
        "quilnpot.connect": "known", "quilnpot.connect().cool:rate": "known", "quilnpot.connect().cool": "known",
    }  # fmt: skip
    assert states("import quilnpot\nquilnpot.connect('x', speed=1)", manual)["quilnpot.connect:speed"] == "unknown"
    assert states("import other\nother.connect('x')", manual)["other.connect"] == "unknown"
    assert states("def f(x):\n    return x.cool(rate=3)", manual) == {"?.cool:rate": "known", "?.cool": "known"}
    assert set(states("def f(x):\n    return x.strip().upper()", manual).values()) == {"standard"}
    own = "class A:\n    def go(self):\n        return self.x\n    def __init__(self):\n        self.x = 1\nA().go()"
    assert states(own, manual) == {}
    assert states("from .near import thing\nthing()", manual) == {}


def test_code_that_is_none_is_no_code() -> None:
    assert code_in("```js\nfoo()\n```") == ""
    assert code_in("```py\nimport a\n```\n```py\nimport b\n```") == "import a"
    with pytest.raises(UsageError, match="cannot be read"):
        used_in("def (")
    with pytest.raises(UsageError, match="longer than"):
        used_in("x = 1\n" * 30_000)


TOKENS = st.sampled_from(["(", ")", "[", "]", ".", ",", "=", ":", "x", "lambda", "import", "from", "def", "\n", "*"])


@given(st.text(max_size=80) | st.lists(TOKENS, max_size=30).map(" ".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        ast.parse(text)
        readable = True
    except (SyntaxError, ValueError):
        readable = False
    if not readable:
        with pytest.raises(UsageError):
            used_in(text)
    else:
        used_in(text)
    definitions_of([stored(text, doc_id="quilnpot")])
    code_in(text)
