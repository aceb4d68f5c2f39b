"""Code by a generator: what it uses is known from the documents, with the place, or marked as unknown."""

from __future__ import annotations

import ast
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill import Workspace
from instill.answer.coding.check_names import checked
from instill.answer.coding.documented_names import definitions_of
from instill.answer.coding.repetition import until_it_repeats
from instill.answer.coding.used_names import used_in
from instill.answer.coding.write_code import code_in, write_code
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
    documents = [
        replace(each, record=replace(each.record, source=each.record.doc_id)) if "." in each.record.doc_id else each
        for each in documents
    ]
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


class Parrot:
    """Writes the same lines until somebody stops it."""

    name = "parrot"

    def __init__(self, first: str, again: str, most: int = 10_000) -> None:
        self.first, self.again, self.left, self.closed = first, again, most, False

    def stream(self, messages: object, *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        try:
            yield self.first
            while self.left:
                self.left -= 1
                yield self.again
        finally:
            self.closed = True


@pytest.mark.parametrize(
    ("first", "again", "code"),
    [
        ("```python\nimport kiln\n", "kiln.fire(900)\nkiln.wait()\n", "import kiln\nkiln.fire(900)\nkiln.wait()"),
        ("```python\nimport kiln\n", "kiln.fire(900)\n", "import kiln\nkiln.fire(900)"),
        ("```python\nimport kiln\nx = ", "kiln.fire(", "import kiln\nx = kiln.fire("),
    ],
)
def test_a_generator_that_repeats_itself_is_stopped_and_the_code_is_cut(first: str, again: str, code: str) -> None:
    parrot = Parrot(first, again)
    found = write_code("Fire the kiln", parrot, lambda _: [], lambda _: None)
    assert found.code == code
    assert parrot.closed
    assert parrot.left > 9_900, "it is not asked for the rest"
    many = len(code.splitlines())
    assert found.cut == (f"The generator began to repeat itself after {many} lines of code; its reply was ended there.")


def test_lists_of_data_and_what_is_said_a_few_times_are_not_cut() -> None:
    rows = "".join(f"    ({number}, {number * 2}),\n" for number in range(20))
    for text in (f"rows = [\n{rows}]\n", "kiln.fire(900)\n" * 3, "print()\n\n" * 2, GOOD):
        assert until_it_repeats(iter([text])) == (text, False)
    counting = "".join(f"step_{number} = run({number})\n" for number in range(200))
    assert until_it_repeats(iter([counting])) == ("step_0 = run(0)\n", True)


def test_the_command_says_where_a_reply_was_cut(workspace: Path, writer: Endpoint) -> None:
    writer.replies = ["```python\nimport quilnpot\n" + "quilnpot.connect(1)\n" * 50 + "```\n"] * 2
    told = instill("ask", "--code", "Fire it", cwd=workspace).stdout
    assert told.count("quilnpot.connect(1)") == 1
    assert "began to repeat itself after 2 lines of code" in told
    assert as_json("ask", "--code", "Fire it", cwd=workspace)["cut"].startswith("The generator began")


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
    assert (
        as_json("ask", "--code", "Melt it", cwd=workspace)["problem"] == "The reply holds no code, it says: I cannot."
    )
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


PUMPS = '''"""Pumps."""

LIMIT = 40


class Pump:
    MAX = 9

    def start(self, litres):
        return litres

    def stop(self):
        pass


class tank:
    def fill(self, litres):
        pass


def connect(port):
    return Pump()


spare = Pump()
'''
PROSE = "# pumpo\n\nCall `start()` to start a pump:\n\n    pump = pumpo.connect('a')\n    pump.start(litres=3)\n"


@pytest.mark.parametrize(
    ("code", "name", "state"),
    [
        ("import pumpo\npumpo.start(litres=20)", "pumpo.start", "unknown"),
        ("import pumpo\npumpo.start(litres=20)", "pumpo.start:litres", "unknown"),
        ("import pumpo as p\np.stop()", "pumpo.stop", "unknown"),
        ("from pumpo import start", "pumpo.start", "unknown"),
        ("from pumpo import MAX", "pumpo.MAX", "unknown"),
        ("import pumpo\npumpo.fill(3)", "pumpo.fill:1", "unknown"),
        ("import pumpo\npumpo.connect('a').connect('b')", "pumpo.connect().connect", "unknown"),
        ("from pumpo import Pump\nPump().connect('b')", "pumpo.Pump().connect", "unknown"),
        ("from pumpo import Pump\nPump.LIMIT", "pumpo.Pump.LIMIT", "unknown"),
        ("from pumpo import Pump\nPump().fill(3)", "pumpo.Pump().fill", "unknown"),
        ("def f(x):\n    x.connect('a')", "?.connect", "unknown"),
        ("import pumpo\npumpo.LIMIT", "pumpo.LIMIT", "known"),
        ("import pumpo as p\np.connect('a').start(litres=2)", "pumpo.connect().start:litres", "known"),
        ("from pumpo import Pump\nPump().start(litres=2)", "pumpo.Pump().start:litres", "known"),
        ("from pumpo import Pump as P\nP.start", "pumpo.Pump.start", "known"),
        ("from pumpo import tank\ntank().fill(3)", "pumpo.tank().fill:1", "known"),
        ("import pumpo\npumpo.spare.start(3)", "pumpo.spare.start:1", "known"),
        ("def f(x):\n    x.stop()", "?.stop", "known"),
    ],
)
def test_a_method_is_no_function_of_its_module(code: str, name: str, state: str) -> None:
    assert states(code, ("pumpo.py", PUMPS), ("pumpo.md", PROSE))[name] == state
    assert states(code, ("pumpo.py", PUMPS))[name] == state


def test_a_method_of_another_class_is_unknown() -> None:
    code = "from pumpo import tank\ntank().start(3)"
    assert states(code, ("pumpo.py", PUMPS))["pumpo.tank().start"] == "unknown"


def test_an_example_does_not_give_its_functions_to_what_it_imports() -> None:
    example = "import pumpo\n\ndef main():\n    pumpo.connect('a')\n"
    assert states("import pumpo\npumpo.main()", ("example.py", example))["pumpo.main"] == "unknown"


def test_a_text_shows_modules_by_their_names_and_variables_as_instances() -> None:
    text = "import pumpo as pm\npump = pm.connect('a')\npump.start(litres=3)\npm.close_all()\n"
    manual = ("manual.md", text)
    assert states("import pumpo\npumpo.close_all()", manual)["pumpo.close_all"] == "known"
    assert states("import pumpo\npumpo.start(litres=3)", manual)["pumpo.start"] == "unknown"
    assert states("import pumpo\npumpo.connect('a').start(litres=3)", manual)["pumpo.connect().start:litres"] == "known"
    assert states("import pumpo\npumpo.connect('a').close_all()", manual)["pumpo.connect().close_all"] == "unknown"
