"""The house is built as docs/architecture.md draws it: a room uses only rooms below it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "instill"


def drawn_rooms() -> list[str]:
    """Names of rooms, from the top of the drawing to its ground."""
    drawing = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```\nsrc/instill/\n")[1]
    return re.findall(r"^  ([a-z_]+)(?:/|\.py)", drawing.split("```")[0], re.M)


def room_of(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def used_rooms(source: str) -> Iterator[tuple[int, str]]:
    """Line and room of each import of ours, wherever in a file it stands; also of those for type checkers only.

    `instill.__version__` is in no room. What else the package itself gives out counts by its name, which is no room's.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: import by the full name"
            names = [f"{node.module}.{each.name}" for each in node.names]
        elif isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        else:
            continue
        rooms = {name.split(".")[1] for name in names if name.startswith("instill.")} - {"__version__"}
        yield from ((node.lineno, room) for room in sorted(rooms))


def test_imports_are_found_wherever_they_stand() -> None:
    source = """\
import instill.errors, json
def f():
    from instill.index.types import Hit, Mode
    from instill import __version__, catalog, Workspace
if TYPE_CHECKING:
    from instill.answer.chat import Chat
"""
    found = [(1, "errors"), (3, "index"), (4, "Workspace"), (4, "catalog"), (6, "answer")]
    assert sorted(used_rooms(source)) == found


def test_every_room_is_drawn_once() -> None:
    rooms = drawn_rooms()
    there = {room_of(file) for file in SOURCE.rglob("*.py")} - {"__init__", "__main__"}
    assert len(rooms) == len(set(rooms))
    assert there == set(rooms)


@pytest.mark.parametrize("file", sorted(SOURCE.rglob("*.py")), ids=lambda file: str(file.relative_to(SOURCE)))
def test_a_room_uses_only_rooms_below_it(file: Path) -> None:
    floors = {room: floor for floor, room in enumerate(drawn_rooms())}
    room = room_of(file)
    if room in ("__init__", "__main__"):
        return
    above = [
        f"line {line}: {used}"
        for line, used in used_rooms(file.read_text(encoding="utf-8"))
        if floors.get(used, -1) < floors[room]
    ]
    assert not above, f"{file.relative_to(SOURCE)} uses rooms above it: {', '.join(above)}"


def drawn_files() -> Iterator[tuple[str, str]]:
    """Each room of the drawing, with each file and each folder that its lines name."""
    drawing = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```\nsrc/instill/\n")[1]
    room = ""
    for line in drawing.split("```")[0].splitlines():
        head = re.match(r"  ([a-z_]+)(?:/|\.py)", line)
        room = head[1] if head else room
        yield from ((room, name) for name in re.findall(r"`((?:[a-z_]+/)*[a-z_]+(?:/|\.py))`", line))


def test_a_name_with_a_tilde_is_read_in_one_place() -> None:
    """`Path.expanduser` raises a RuntimeError where nobody has the name; `settings.location.expanded` does not."""
    found = [file for file in SOURCE.rglob("*.py") if ".expanduser(" in file.read_text(encoding="utf-8")]
    assert [file.relative_to(SOURCE).as_posix() for file in found] == ["settings/location.py"]


def test_every_file_of_the_drawing_is_in_its_room() -> None:
    named = list(drawn_files())
    assert ("server", "app.py") in named
    assert ("server", "access/") in named
    lacking = [f"{room}: {name}" for room, name in named if not list((SOURCE / room).rglob(name.rstrip("/")))]
    assert not lacking, f"docs/architecture.md names what is not there: {', '.join(lacking)}"


def drawn_parts(room: str) -> list[str]:
    """Rooms of a room that stand below each other in the drawing."""
    drawing = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split(f"\n  {room}/ ")[1]
    return re.findall(r"^    ([a-z_]+)/", re.split(r"^  [a-z#]", drawing, maxsplit=1, flags=re.M)[0], re.M)


def test_the_rooms_of_models_use_only_those_below_them() -> None:
    parts = drawn_parts("models")
    assert parts == ["registry", "generators", "encoders", "weights"]
    assert {place.name for place in (SOURCE / "models").iterdir() if (place / "__init__.py").exists()} == set(parts)
    for floor, part in enumerate(parts):
        for file in (SOURCE / "models" / part).rglob("*.py"):
            used = set(re.findall(r"instill\.models\.([a-z_]+)", file.read_text(encoding="utf-8")))
            assert not used & set(parts[:floor]), f"{file.relative_to(SOURCE)} uses {used & set(parts[:floor])}"
