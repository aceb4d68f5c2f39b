"""Docstrings and comments name files, folders and functions that are there."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import pytest

from instill.settings import Settings

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "instill"


def told(source: str) -> Iterator[str]:
    """Every comment and every docstring of a file."""
    yield from (
        each.string for each in tokenize.generate_tokens(io.StringIO(source).readline) if each.type == tokenize.COMMENT
    )
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


@cache
def names_of(module: Path) -> frozenset[str]:
    """What stands at the top of a module: functions, classes, values and imports."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return frozenset(found)


def used_names(source: str) -> set[str]:
    """Parameters, variables and imported names of a file."""
    nodes = list(ast.walk(ast.parse(source)))
    return (
        {node.arg for node in nodes if isinstance(node, ast.arg)}
        | {node.id for node in nodes if isinstance(node, ast.Name)}
        | {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}
    )


@cache
def functions_and_classes() -> dict[str, set[str]]:
    """Each function and class at the top of a module, with the names of the modules that have it."""
    found: dict[str, set[str]] = {}
    for file in SOURCE.rglob("*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, set()).add(file.stem)
    return found


def is_there(dotted: str) -> bool:
    """Whether `instill.room.module.name` can be imported; the name may be left out. Other things than rooms count too:
    groups of entry points, `instill.toml`."""
    place, parts = SOURCE, dotted.split(".")[1:]
    if not (place / parts[0]).is_dir() and not (place / f"{parts[0]}.py").exists():
        return True
    for number, part in enumerate(parts):
        if (place / part).is_dir():
            place /= part
        elif (place / f"{part}.py").exists():
            rest = parts[number + 1 :]
            return not rest or rest[0] in names_of(place / f"{part}.py")
        else:
            return part in names_of(place / "__init__.py")
    return True


def lacking(text: str, used: Collection[str] = ()) -> list[str]:
    """What a docstring or comment names that is not there: `folder/file.py`, `folder/`, `instill.room.module.name` and
    `module.function`.

    Args:
        used: names of the file; with a dot behind them, they are no module.
    """
    values = {"instill", *used, *Settings.model_fields}
    found = [
        name
        for name in re.findall(r"(?<![\w/.])[a-z_]+(?:/[a-z_]+)*\.py\b", text)
        if not (ROOT / name).exists() and not list(SOURCE.rglob(name))
    ]
    found += [name for name in re.findall(r"`((?:[a-z_]+/)+)`", text) if not list(SOURCE.rglob(name.rstrip("/")))]
    found += [name for name in re.findall(r"\binstill(?:\.[A-Za-z_]\w*)+", text) if not is_there(name)]
    for module, name in re.findall(r"`([a-z_]+)\.([A-Za-z_]+)`", text):
        if module not in values and module not in functions_and_classes().get(name, {module}):
            found.append(f"{module}.{name}")
    return found


def test_what_is_not_there_is_found() -> None:
    text = "See `gone.py`, `measure/gone.py`, `bench/gone.py`, `gone/`, `instill.measure.gone.f`, `corrected.holm`"
    assert lacking(text) == [
        "gone.py", "measure/gone.py", "bench/gone.py", "gone/", "instill.measure.gone.f", "corrected.holm"
    ]  # fmt: skip
    text = "See `verdict.py`, `bench/scorer.py`, `statistics/`, `instill.measure.risk`, `multiple_comparisons.holm`"
    assert not lacking(text)
    assert not lacking("`instill.toml`, the group `instill.stores`, the setting `plugins.off`")
    assert lacking("`words.holm`") == ["words.holm"]
    assert not lacking("`words.holm`", {"words"})


ROOMS = sorted(place for place in SOURCE.iterdir() if place.suffix == ".py" or (place / "__init__.py").exists())


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_docstrings_and_comments_name_what_is_there(room: Path) -> None:
    wrong = []
    for file in [room] if room.suffix else sorted(room.rglob("*.py")):
        source = file.read_text(encoding="utf-8")
        used = used_names(source)
        wrong += [f"{file.relative_to(SOURCE)}: {name}" for text in told(source) for name in lacking(text, used)]
    assert not wrong, f"They name what is not there: {', '.join(wrong)}"


def test_a_package_names_its_own_files() -> None:
    """In parentheses, as in "`judge` (`run`)"."""
    wrong = []
    for file in sorted(SOURCE.rglob("__init__.py")):
        document = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        there = {each.stem for each in file.parent.iterdir()}
        named = re.findall(r"\(`([a-z_]+)`\)", document)
        wrong += [f"{file.relative_to(SOURCE)}: {name}" for name in named if name not in there]
    assert not wrong, f"They name what is not there: {', '.join(wrong)}"
