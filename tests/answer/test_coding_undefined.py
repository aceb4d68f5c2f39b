"""Names in a generator's code that nothing defines are unknown; those that the code or Python binds are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill import Workspace
from instill.answer.coding.check_names import Checked, checked
from instill.answer.coding.documented_names import definitions_of
from instill.answer.coding.used_names import used_in
from instill.answer.coding.write_code import code_in
from tests.answer.test_coding import Endpoint, states, writer
from tests.cli.test_cli import as_json, instill
from tests.study.documents import stored

__all__ = ["writer"]

BRINDLE = '''"""Kettles."""


class Kettle:
    def __init__(self, name):
        self.name = name

    def boil(self, degrees=100):
        return degrees


def find_kettle(name):
    return Kettle(name)


def foil(kettle):
    return kettle
'''
SOURCE = ("brindle.py", BRINDLE)


def undefined(code: str) -> list[tuple[str, int]]:
    return [(each.name, each.line) for each in used_in(code) if each.undefined]


def read(code: str, *texts: tuple[str, str]) -> dict[str, Checked]:
    documents = [stored(text, doc_id=name, title="") for name, text in texts]
    for each in documents:
        object.__setattr__(each.record, "source", each.record.doc_id)
    return {each.name: each for each in checked(used_in(code), definitions_of(documents))}


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ('from brindle import find_kettle\nk = Kettle("a")\nfoo(k)', [("Kettle", 2), ("foo", 3)]),
        ("import brindle\nk = brindle.find_kettle('a')\nKet", [("Ket", 3)]),
        ("def main():\n    return brindle.Kettle('a')\nmain()", [("brindle", 2)]),
        ("class A:\n    x = 1\n    y = [x]\n    def f(self):\n        return x", [("x", 5)]),
        ("def f():\n    inner = 1\ndef g():\n    return inner", [("inner", 4)]),
        ("[n for n in range(3)]\nprint(n)", [("n", 2)]),
        ("def f():\n    global seen\n    return seen", [("seen", 3)]),
        ("@mark\ndef f(a: Kind = default) -> Out: ...", [("mark", 1), ("default", 2), ("Kind", 2), ("Out", 2)]),
        ("class A(Base, metaclass=Meta): ...", [("Base", 1), ("Meta", 1)]),
        ("print(json.dumps(f'{what}'))", [("json", 1), ("what", 1)]),
        ("f = lambda a, b=later: a + b + c", [("later", 1), ("c", 1)]),
        ("match x:\n    case Point(a, [*rest], {'k': v, **more}) as whole: print(a, rest, v, more, whole)",
         [("x", 1), ("Point", 2)]),
    ],
)  # fmt: skip
def test_a_name_that_nothing_defines_is_found_with_its_line(code: str, names: list[tuple[str, int]]) -> None:
    assert undefined(code) == names


@pytest.mark.parametrize(
    "code",
    [
        "def f(a, /, b, *c, d, **e):\n    return a, b, c, d, e, later\nlater = 1",
        "for i, (j, *k) in enumerate([]): print(i, j, k)\nprint(i)",
        "with open('x') as (a, b): print(a, b)",
        "import asyncio\nasync def f():\n    async with asyncio.timeout(1) as t:\n        print(t)\n"
        "    async for i in g(): print(i)\ndef g(): ...",
        "try:\n    pass\nexcept OSError as error:\n    print(error)",
        "print([x + y for x in range(3) for y in range(x) if x], {k: v for k, v in {}.items()}, [z for z in ()])",
        "if (n := len('a')) and any((last := c) for c in 'ab'): print(n, last)",
        "def f():\n    global seen\n    seen = 1\nprint(seen)",
        "def f():\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n    return g",
        "class A:\n    def f(self): return __class__, A, super()\n    print(__qualname__, __module__)",
        "import os.path as p, sys\nfrom . import near\nfrom .far import a as b\nprint(p, sys, near, b)",
        "print(__name__, __file__, __doc__, exit, NotImplemented, __builtins__, __debug__)",
        "match 1:\n    case [a, *b] | {'a': a, **b}: print(a, b)\n    case whole: print(whole)",
        "x = 1\ndel x\nx: int = 2\nx += 1\nprint(f'{x!r:>{x}}')",
        "f = lambda *a, b=1, **c: (a, b, c)\nf()",
        "class Node:\n    def next(self) -> Node: ...\n\ndef g(a: 'Anything') -> None: ...",
    ],
)
def test_what_the_code_binds_or_python_has_is_no_unknown_name(code: str) -> None:
    assert undefined(code) == []


def test_an_undefined_name_says_what_it_may_have_meant() -> None:
    found = read('from brindle import find_kettle\nk = Kettle("a")\nfoo(k)\njson.dumps(k)', SOURCE)
    assert [(name, found[name].state, found[name].hint) for name in ("Kettle", "foo", "json")] == [
        ("Kettle", "unknown", "not imported; brindle.Kettle is documented"),
        ("foo", "unknown", "neither defined nor imported"),
        ("json", "unknown", "not imported; json is a module of Python"),
    ]
    for text in ("import brindle\nbrindle.Kettle('a')\n", "from brindle import Kettle\n"):
        assert read("Kettle('a')", ("manual.md", text))["Kettle"].hint == "not imported; brindle.Kettle is documented"
    assert read("boil()", SOURCE)["boil"].hint == "neither defined nor imported", "a method cannot be imported"


def test_a_star_makes_a_name_known_or_undecided_and_never_unknown() -> None:
    code = "from brindle import *\nk = Kettle('a')\nk.boil(degrees=3)\nk.melt()\nk2 = Kettle('a', 'b')\nfoo(k).bar(1)"
    found = {name: each.state for name, each in read(code, SOURCE).items()}
    assert found == {
        "brindle": "known", "brindle.Kettle": "known", "brindle.Kettle:1": "known",
        "brindle.Kettle().boil": "known", "brindle.Kettle().boil:degrees": "known",
        "brindle.Kettle().melt": "unknown", "brindle.Kettle:2": "unknown",
        "brindle.foo": "undecided", "brindle.foo:1": "undecided", "brindle.foo().bar": "undecided",
        "brindle.foo().bar:1": "undecided",
    }  # fmt: skip
    assert read(code, SOURCE)["brindle.foo"].hint == "cannot be decided: from brindle import * may bring it"
    several = read("from tkinter import *\nfrom .near import *\nFrame()", SOURCE)["Frame"]
    assert (several.state, several.hint) == ("undecided", "cannot be decided: an import of * may bring it")


def test_what_the_code_defines_itself_is_not_the_librarys() -> None:
    local = "from brindle import foil\n\ndef foil(kettle, times):\n    return kettle\n\nfoil(1, 2)\n"
    assert states(local, SOURCE) == {"brindle": "known", "brindle.foil": "known"}
    assert states("import brindle\ndef f(brindle):\n    brindle.foil(1, 2)\n", SOURCE) == {
        "brindle": "known", "?.foil": "unknown", "?.foil:1": "unknown", "?.foil:2": "unknown",
    }  # fmt: skip
    below = "def main():\n    return foil(1, 2)\n\nfrom brindle import foil\n"
    assert states(below, SOURCE)["brindle.foil:2"] == "unknown", "a body is read with what the module binds below it"
    inner = "from brindle import foil\ndef f():\n    def foil(a, b): ...\n    foil(1, 2)\nfoil(1)\n"
    assert states(inner, SOURCE) == {"brindle": "known", "brindle.foil": "known", "brindle.foil:1": "known"}


def test_a_word_of_prose_is_no_code() -> None:
    assert code_in("Sorry") == ""
    assert code_in("Sorry, no") == ""


def test_the_command_fails_on_undefined_and_undecided_names(tmp_path: Path, writer: Endpoint) -> None:
    (tmp_path / "brindle.py").write_text(BRINDLE)
    with Workspace.init(tmp_path / "kb") as opened:
        opened.add(tmp_path / "brindle.py")
    folder = tmp_path / "kb"
    (folder / "instill.toml").write_text(f'[generator]\nbase_url = "{writer.url}"\nmodel = "m"\n')
    bad = "from brindle import find_kettle\nk = Kettle('a')\nfoo(k)\nKet"
    open_ = "from brindle import *\nk = Kettle('a')\nfoo(k)"
    good = "from brindle import Kettle\nk = Kettle('a')\nprint(k.boil(degrees=90))"
    writer.replies = [f"```python\n{code}" for code in (bad, bad, open_, open_, good)]
    told = instill("ask", "--code", "Boil it", "--strict", cwd=folder, code=7).stdout
    assert "  UNKNOWN  line 2: Kettle: not imported; brindle.Kettle is documented" in told
    assert "  UNKNOWN  line 3: foo: neither defined nor imported" in told
    assert as_json("ask", "--code", "Boil it", cwd=folder)["unknown"] == ["Kettle", "foo", "Ket"]
    told = instill("ask", "--code", "Boil it", "--strict", cwd=folder, code=7).stdout
    assert "  OPEN     line 3: brindle.foo: cannot be decided: from brindle import * may bring it" in told
    again = as_json("ask", "--code", "Boil it", cwd=folder)
    assert (again["unknown"], again["undecided"]) == ([], ["brindle.foo", "brindle.foo:1"])
    instill("ask", "--code", "Boil it", "--strict", cwd=folder)
