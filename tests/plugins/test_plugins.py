"""Plug-ins of other packages: what is found, what is used, and that a broken one breaks nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.cli.plugins import found_plugins
from instill.documents.reading import read
from instill.errors import DocumentError, UsageError
from instill.plugins import Entry, Group
from instill.plugins.entry_points import installed
from instill.settings import DocumentSettings
from tests.plugins.packages import install


def word(found: object) -> str:
    if not isinstance(found, str):
        raise TypeError("it is no word")
    return found


WORDS = Group("words", check=word, built_in=lambda: ["Taken"])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of packages that PYTHONPATH would name; modules that a test brought are forgotten after it."""
    place = tmp_path / "packages"
    place.mkdir()
    monkeypatch.syspath_prepend(str(place))
    before = set(sys.modules)
    yield place
    for name in set(sys.modules) - before:
        del sys.modules[name]


def problems(off: tuple[str, ...] = ()) -> dict[str, str]:
    return {plugin.entry.name: plugin.problem for plugin in WORDS.load(off=off)}


def test_a_part_of_an_installed_package_is_found_and_loaded(folder: Path) -> None:
    install(folder, "acme-words", {"words.hello": "acme_hello:WORD"}, {"acme_hello": "WORD = 'hello'"}, version="2.1")
    assert WORDS.names() == ["hello"]
    assert "acme_hello" not in sys.modules  # knowing of it imports nothing
    [plugin] = WORDS.load()
    assert (plugin.value, plugin.problem, plugin.off) == ("hello", "", False)
    entry = plugin.entry
    assert (entry.package, entry.version, entry.target) == ("acme-words", "2.1", "acme_hello:WORD")
    assert WORDS.one("hello") == "hello"


def test_stores_and_parts_of_no_known_kind_are_listed_too(folder: Path) -> None:
    install(
        folder,
        "shelves",
        {"stores.memory": "shelves_missing:OPEN", "nonsense.tea": "shelves:TEA"},
        {"shelves": "TEA = 'tea'"},
    )
    found = {plugin.entry.full_name: plugin.problem for plugin in found_plugins(())}
    assert "there is no module shelves_missing" in found["stores.memory"]
    assert found["nonsense.tea"].startswith("there is no such kind of part; the kinds are readers, stores, ")
    assert {each.entry.full_name for each in found_plugins(["shelves"]) if each.off} == {
        "stores.memory",
        "nonsense.tea",
    }


def test_a_reader_that_fails_is_told_with_its_package(folder: Path) -> None:
    source = """
        from instill.extending import Format

        def read(job):
            raise KeyError("chapter")

        FORMAT = Format("scroll", endings=("scroll",), reader=read)
    """
    install(folder, "old-scrolls", {"readers.scroll": "old_scrolls:FORMAT"}, {"old_scrolls": source})
    with pytest.raises(DocumentError, match="The plug-in that reads scroll files failed") as raised:
        read(b"a scroll of wisdom", name="one.scroll", settings=DocumentSettings())
    assert "the package old-scrolls" in raised.value.command


def test_one_part_is_loaded_and_no_other(folder: Path) -> None:
    install(folder, "a", {"words.one": "a_one:WORD"}, {"a_one": "WORD = '1'"})
    install(folder, "b", {"words.two": "b_two:WORD"}, {"b_two": "raise SystemExit(3)"})
    assert WORDS.one("one") == "1"
    assert "b_two" not in sys.modules


@pytest.mark.parametrize(
    ("target", "source", "problem"),
    [
        ("broken:WORD", "import no_such_library_here", "ModuleNotFoundError: No module named 'no_such_library_here'"),
        ("broken:WORD", "WORD = (", "SyntaxError"),
        ("broken:WORD", "raise SystemExit(1)", "SystemExit: 1"),
        ("broken:WORD", "raise RuntimeError('no\\x1b[31m luck\\n today')", "RuntimeError: no\\x1b[31m luck today"),
        ("broken:WORD", "OTHER = 1", "AttributeError"),
        ("broken:WORD", "WORD = 3", "it is no word"),
        ("absent_module:WORD", "", "there is no module absent_module"),
        ("not a module:WORD", "", "names no module"),
    ],
)
def test_a_broken_part_is_named_and_the_others_stay(folder: Path, target: str, source: str, problem: str) -> None:
    install(folder, "acme-broken", {"words.bad": target}, {"broken": source})
    install(folder, "acme-sound", {"words.good": "sound:WORD"}, {"sound": "WORD = 'good'"})
    found = problems()
    assert found["good"] == ""
    assert problem in found["bad"]
    with pytest.raises(UsageError, match="acme-broken"):
        WORDS.one("bad")


def test_names_that_are_taken_or_are_none_are_left_out(folder: Path) -> None:
    install(
        folder, "a", {"words.taken": "a_w:WORD", "words.both": "a_w:WORD", "words.;rm": "a_w:WORD"}, {"a_w": "WORD='a'"}
    )
    install(folder, "b", {"words.Both": "b_w:WORD"}, {"b_w": "WORD='b'"})
    found = problems()
    assert found["taken"] == "Instill has a part of this name already"
    assert "several packages" in found["both"]
    assert "several packages" in found["Both"]
    assert found[";rm"] == "this is not a valid name for a plug-in"
    assert "a_w" not in sys.modules
    # With one of the two turned off, the other one is used.
    assert {each.entry.name: each.value for each in WORDS.load(off=["b"])}["both"] == "a"


def test_what_is_turned_off_is_not_imported(folder: Path) -> None:
    install(folder, "Acme_Words", {"words.hello": "acme_off:WORD"}, {"acme_off": "WORD = 'hello'"})
    for off in (["acme-words"], ["words.hello"]):
        [plugin] = WORDS.load(off=off)
        assert plugin.off
        assert plugin.value is None
        assert WORDS.names(off=off) == []
        with pytest.raises(UsageError, match="turned off"):
            WORDS.one("hello", off=off)
    assert "acme_off" not in sys.modules


@given(st.text(st.sampled_from("ab"), min_size=1), st.lists(st.sampled_from("-_."), min_size=1, max_size=3))
def test_a_package_is_turned_off_however_its_name_is_spelt(word_: str, marks: list[str]) -> None:
    entry = Entry("words", "hello", f"{word_}-x", "1", "m:o")
    assert entry.is_off([f"{word_.upper()}{''.join(marks)}X"])
    assert not entry.is_off([f"{word_}{''.join(marks)}y"])


def test_an_unknown_name_says_what_there_is(folder: Path) -> None:
    install(folder, "acme", {"words.hello": "acme_hello:WORD"}, {"acme_hello": "WORD = 'hello'"})
    with pytest.raises(UsageError, match=r"There is no plug-in 'helo'; there is hello\."):
        WORDS.one("helo")


def test_an_unknown_name_where_there_is_no_plug_in(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no plug-in 'helo'; no installed package brings one for this"):
        WORDS.one("helo")


@pytest.mark.parametrize("place", [".", "kb", "kb/notes", "relative"])
def test_nothing_comes_from_the_current_folder_or_a_workspace(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's path names these folders, and a package lies in them: somebody's files are no installed packages."""
    here = tmp_path / "here"
    (here / "kb" / "notes").mkdir(parents=True)
    (here / "kb" / "instill.toml").write_text("")
    (here / "relative").mkdir()
    install(here / place, "evil", {"words.evil": "evil_words:WORD"}, {"evil_words": "WORD = 'evil'"})
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", [place if place == "relative" else str(here / place), "", *sys.path])
    assert installed("words") == []


def test_a_file_with_the_name_of_an_installed_module_is_not_taken_for_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(folder, "acme", {"words.hello": "acme_real:WORD"}, {"acme_real": "WORD = 'hello'"})
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "acme_real.py").write_text("raise SystemExit('from the current folder')")
    monkeypatch.syspath_prepend(str(tmp_path / "here"))
    monkeypatch.chdir(tmp_path / "here")
    assert "is not the installed one" in problems()["hello"]
    assert "acme_real" not in sys.modules


def test_a_package_that_is_edited_in_place_is_an_installed_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "my project" / "src"
    source.mkdir(parents=True)
    (source / "acme_edited.py").write_text("WORD = 'hello'")
    install(folder, "acme", {"words.hello": "acme_edited:WORD"}, {})
    told = {"url": source.parent.as_uri(), "dir_info": {"editable": True}}
    (folder / "acme-1.0.dist-info" / "direct_url.json").write_text(json.dumps(told))
    monkeypatch.syspath_prepend(str(source))
    assert problems() == {"hello": ""}


@pytest.mark.parametrize("damage", ["entry_points.txt", "METADATA"])
def test_a_package_with_damaged_metadata_hides_no_other_one(folder: Path, damage: str) -> None:
    install(folder, "broken", {"words.bad": "x:y"}, {})
    install(folder, "acme", {"words.hello": "acme_hello:WORD"}, {"acme_hello": "WORD = 'hello'"})
    (folder / "broken-1.0.dist-info" / damage).write_bytes(b"\xff\xfe[[[\x00=")
    assert problems()["hello"] == ""


def test_what_a_module_prints_does_not_get_into_the_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(folder, "loud", {"words.loud": "loud_words:WORD"}, {"loud_words": "print('buy!'); WORD = 'loud'"})
    assert WORDS.one("loud") == "loud"
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "buy!\n")


def test_python_itself_takes_the_packages_of_its_own_folders(tmp_path: Path) -> None:
    """In a fresh process that was started in a folder with a package of its own: that one is not seen, the one that
    PYTHONPATH names is."""
    install(tmp_path / "here", "evil", {"words.evil": "evil_words:WORD"}, {"evil_words": "WORD = 'evil'"})
    install(tmp_path / "named", "good", {"words.good": "good_words:WORD"}, {"good_words": "WORD = 'good'"})
    source = Path(__file__).parents[2] / "src"
    code = "from instill.plugins.entry_points import installed; print([each.name for each in installed('words')])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "here",
        env={"PYTHONPATH": f"{tmp_path / 'named'}:{source}:", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "['good']\n"
