"""Mutation testing: which changes are made, and that a change counts as killed when, and only when, a test notices."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from mutants import EQUAL, ROOMS, ROOT, Room, Trial, known_equal, measured, named_mutants, sampled, wilson
from mutations import mutants_of


def changes(source: str) -> set[str]:
    return {mutant.applied(source) for mutant in mutants_of(source)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a > b", {"x = (a >= b)", "x = (a <= b)"}),
        ("x = a in b", {"x = (a not in b)"}),
        ("x = a is None", {"x = (a is not None)"}),
        ("x = a ** b", {"x = (a * b)"}),
        ("x = a and b", {"x = (a or b)"}),
        ("x = not a", {"x = (a)"}),
        ("x = 7", {"x = (8)"}),
        ("x = True", {"x = (False)"}),
        ("x += y", {"pass", "x -= y"}),
        ("x.y = z", {"pass"}),
        ("f(x)", {"pass"}),
        ("if a:\n    f(a)", {"if (not (a)):\n    f(a)", "if a:\n    pass"}),
        ("x = [y for y in z if y]", {"x = [y for y in z if (not (y))]"}),
        ("é = 'ü', a - b", {"é = 'ü', (a + b)"}),
        ("def f():\n    return a", {"def f():\n    return None"}),
        # What says nothing about the tests is left alone.
        ("x = 'text' + y", set()),
        ("x: int | str", set()),
        ("@f(slots=True)\nclass A:\n    '''Text.'''", set()),
        ("x = zip(a, b, strict=True)", set()),
        ("assert a > 1", set()),
        ("def f():\n    return None", set()),
        ("x = f'{a + 1}'", set()),
    ],
)
def test_the_changes_that_are_made(source: str, expected: set[str]) -> None:
    assert changes(source) == expected


def test_every_change_of_this_project_is_a_program_and_knows_its_function() -> None:
    source = (ROOT / "src/instill/index/fusion.py").read_text(encoding="utf-8")
    functions = {node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}
    found = mutants_of(source)
    assert len(found) > 20
    for mutant in found:
        assert ast.dump(ast.parse(mutant.applied(source))) != ast.dump(ast.parse(source))
        assert mutant.function == 0 or mutant.function in functions


CALC = '''
LIMIT = 3


def enough(value):
    """Is it?

    >>> enough(1)
    False
    """
    return value >= LIMIT


def unused(value):
    return value + 1


def down(value):
    while value > 0:
        value -= 1
    return value
'''
TESTS = """
import pytest

from instill.thing.calc import down, enough


@pytest.fixture(scope="module")
def made():
    return enough(5)


def test_enough(made):
    assert made


def test_down():
    assert down(3) == 0
"""


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    for name, text in {
        "src/instill/__init__.py": "",
        "src/instill/thing/__init__.py": "",
        "src/instill/thing/calc.py": CALC,
        "tests/thing/test_calc.py": TESTS,
        "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--doctest-modules --import-mode=importlib"\n',
    }.items():
        file = tmp_path / "root" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    room = Room(("thing/*.py",), ("tests/thing",))
    return Trial(tmp_path / "root", tmp_path / "copy", room, log=tmp_path / "log", spare_s=2)


@pytest.mark.long
def test_what_no_test_notices_survives(trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = [
        (file, mutant)
        for file, mutant in sorted(sampled(trial, 100, 1), key=lambda each: each[1].span)
        # At the limit itself nothing is tested; one loop is enough. Each mutant starts the tests anew.
        if mutant.kind in ("comparison", "return") and mutant.before != "value > 0"
    ]
    assert [f"{mutant.before} -> {mutant.after}" for _, mutant in chosen] == [
        "return value >= LIMIT -> return None",
        "value >= LIMIT -> (value > LIMIT)",
        "value >= LIMIT -> (value < LIMIT)",
        "return value + 1 -> return None",
        "return value -> return None",
    ]
    assert measured(trial, "thing", chosen) == (3, 5)
    survivors = [
        line.split(" survived ")[1].strip() for line in capsys.readouterr().out.splitlines() if "  surv" in line
    ]
    assert survivors == [
        "thing/calc.py:11 comparison: value >= LIMIT -> (value > LIMIT)",
        "thing/calc.py:15 return: return value + 1 -> return None",
    ]
    assert (trial.copy / "src/instill/thing/calc.py").read_text() == CALC


def test_a_test_that_fails_anyway_is_named_and_kills_nothing(trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    (trial.copy / "tests/thing/test_calc.py").write_text("def test_it():\n    assert False\n")
    trial.record()
    assert "left out: tests/thing/test_calc.py::test_it" in capsys.readouterr().out
    (of_down,) = [mutant for mutant in mutants_of(CALC) if mutant.before == "return value"]
    assert trial.survives("src/instill/thing/calc.py", of_down)
    (trial.copy / "src/instill/thing/calc.py").write_text("broken")
    with pytest.raises(SystemExit, match="without any change"):
        trial.record()


def test_a_sample_is_the_same_from_the_same_seed(trial: Trial) -> None:
    assert sampled(trial, 5, 1) == sampled(trial, 5, 1) != sampled(trial, 5, 2)
    assert len(sampled(trial, 5, 1)) == 5
    assert measured(trial, "thing", sampled(trial, 5, 1), minutes=0) == (0, 0)
    assert sampled(trial, 5, 1, ["other.py"]) == []


def test_what_is_said_to_change_nothing_is_still_in_the_sources() -> None:
    every = {named for room in ROOMS.values() for file in room.files(ROOT) for _, named in named_mutants(ROOT, file)}
    assert known_equal(EQUAL)
    assert known_equal(EQUAL) <= every


def test_wilsons_interval() -> None:
    for hits, ends in ((0, (0.0, 0.2775)), (5, (0.2366, 0.7634)), (10, (0.7225, 1.0))):
        assert list(wilson(hits, 10)) == pytest.approx(ends, abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
