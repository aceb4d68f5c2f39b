"""What paths, globs, addresses and stdin name; what cannot be read is reported and the rest goes on."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from instill.documents.sources import Source, SourceProblem, find_sources, from_stdin, identity
from instill.errors import DocumentError
from instill.settings import DocumentSettings

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")
SETTINGS = DocumentSettings()


def find(base: Path, *paths: str, exclude: Sequence[str] = ()) -> tuple[list[str], list[SourceProblem]]:
    """Names found, relative to `base`, and the problems."""
    found = list(find_sources(paths or ["."], base=base, exclude=exclude))
    root = base.as_posix() + "/"
    names = [entry.source.removeprefix(root) for entry in found if isinstance(entry, Source)]
    return names, [entry for entry in found if isinstance(entry, SourceProblem)]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "b.txt",
        "a.md",
        "docs/guide.md",
        "docs/deep/er/x.md",
        ".hidden.md",
        "node_modules/m.md",
        "build/o.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    return tmp_path


def test_a_folder_is_walked_in_a_fixed_order_without_what_is_excluded(tree: Path) -> None:
    names, problems = find(tree, ".", exclude=["node_modules/", "/build/"])
    assert names == [".hidden.md", "a.md", "b.txt", "docs/deep/er/x.md", "docs/guide.md"]
    assert problems == []


def test_the_settings_of_a_workspace_are_no_document_of_its_folder(tmp_path: Path) -> None:
    for folder in ("kb", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "instill.toml").write_text("[answer]\n")
        (tmp_path / folder / "tea.md").write_text("Tea.")
    (tmp_path / "kb" / ".instill").mkdir()
    assert find(tmp_path)[0] == ["kb/tea.md", "other/instill.toml", "other/tea.md"]
    assert find(tmp_path, "kb/instill.toml")[0] == ["kb/instill.toml"]


def test_exclude_knows_gitignore_negation_and_depth(tree: Path) -> None:
    names, _ = find(tree, ".", exclude=["*.md", "!guide.md", ".*"])
    assert names == ["b.txt", "build/o.txt", "docs/guide.md"]


def test_each_file_comes_once_however_it_is_named(tree: Path) -> None:
    names, _ = find(
        tree, "a.md", "./a.md", str(tree / "docs" / ".." / "a.md"), "*.md", exclude=["/docs/", "node_modules/"]
    )
    assert names == ["a.md", ".hidden.md"]


def test_a_file_that_is_named_is_taken_though_it_is_excluded(tree: Path) -> None:
    names, _ = find(tree, "node_modules/m.md", exclude=["node_modules/"])
    assert names == ["node_modules/m.md"]


def test_patterns_are_expanded_when_the_shell_did_not(tree: Path) -> None:
    assert find(tree, "docs/**/*.md")[0] == ["docs/deep/er/x.md", "docs/guide.md"]
    assert find(tree, "**/*.md", exclude=["node_modules/", ".*"])[0] == ["a.md", "docs/deep/er/x.md", "docs/guide.md"]
    names, problems = find(tree, "docs/*.rst")
    assert (names, len(problems)) == ([], 1)
    assert "no file" in problems[0].error.what


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "a[1].txt").write_text("x", encoding="utf-8")
    assert find(tmp_path, "a[1].txt")[0] == ["a[1].txt"]


def test_a_missing_path_is_reported_and_the_rest_goes_on(tree: Path) -> None:
    names, problems = find(tree, "nope.txt", "a.md")
    assert names == ["a.md"]
    assert problems[0].source == (tree / "nope.txt").as_posix()
    assert problems[0].error.remedy


@POSIX
def test_what_is_no_regular_file_is_reported(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        before = Path.cwd()
        os.chdir(tmp_path)  # a socket's path may not be long
        try:
            server.bind("sock")
        finally:
            os.chdir(before)
        (tmp_path / "z.txt").write_text("z", encoding="utf-8")
        names, problems = find(tmp_path)
    assert names == ["z.txt"]
    assert [Path(problem.source).name for problem in problems] == ["pipe", "sock"]
    assert all("regular" in problem.error.what for problem in problems)


@POSIX
def test_links_are_followed_inside_the_folder_and_loops_are_reported(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.txt").write_text("s", encoding="utf-8")
    (root / "a.txt").write_text("a", encoding="utf-8")
    (root / "inside.txt").symlink_to(root / "a.txt")
    (root / "sub" / "up").symlink_to(root)
    (root / "sub" / "out").symlink_to(outside)
    (root / "sub" / "secret.txt").symlink_to(outside / "secret.txt")
    (root / "sub" / "gone").symlink_to(root / "nothing")
    names, problems = find(root)
    assert names == ["a.txt", "inside.txt"]
    reasons = {Path(problem.source).name: problem.error.what for problem in problems}
    assert sorted(reasons) == ["gone", "out", "secret.txt", "up"]
    assert "back" in reasons["up"]
    assert "leaves" in reasons["out"]
    assert "leaves" in reasons["secret.txt"]
    assert "nowhere" in reasons["gone"]


@POSIX
def test_a_pattern_does_not_follow_links_in_circles(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.md").write_text("a", encoding="utf-8")
    for name in ("one", "two", "three"):
        (tmp_path / "sub" / name).symlink_to(tmp_path / "sub")
    names, _ = find(tmp_path, "**/*.md")
    assert names == ["sub/a.md"]


@POSIX
def test_two_links_that_point_at_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    names, problems = find(tmp_path)
    assert names == []
    assert len(problems) == 2


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    (tmp_path / "a.txt").chmod(0)
    (tmp_path / "b.txt").write_text("b", encoding="utf-8")
    names, problems = find(tmp_path)
    assert names == ["b.txt"]
    assert "may not" in problems[0].error.what


def test_addresses_are_named_without_being_fetched(tmp_path: Path) -> None:
    found = list(find_sources(["https://example.org/a/b.html#part", "HTTP://example.org"], base=tmp_path, exclude=[]))
    assert [entry.source for entry in found] == ["https://example.org/a/b.html", "http://example.org"]
    assert [entry.name for entry in found if isinstance(entry, Source)] == ["b.html", ""]


@pytest.mark.parametrize(
    "address", ["ftp://example.org/a", "http://", "http://[::1", "http://host:99999/", "file:///etc/passwd"]
)
def test_other_and_broken_addresses_are_refused(tmp_path: Path, address: str) -> None:
    [found] = find_sources([address], base=tmp_path, exclude=[])
    assert isinstance(found, SourceProblem)


def test_a_password_in_an_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    [found] = find_sources(["https://me:hunter2@example.org/a"], base=tmp_path, exclude=[])
    assert isinstance(found, SourceProblem)
    assert "hunter2" not in found.source + str(found.error)


def test_identities_use_slashes_on_every_system() -> None:
    assert identity(PureWindowsPath(r"C:\Users\Ann\notes\a.md")) == "C:/Users/Ann/notes/a.md"
    assert identity(PureWindowsPath(r"\\server\share\a.md")) == "//server/share/a.md"
    assert identity(PurePosixPath("/home/ann/a.md")) == "/home/ann/a.md"


def test_a_source_knows_size_and_time_and_gives_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"hello")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    [found] = find_sources([str(path)], base=tmp_path, exclude=[])
    assert isinstance(found, Source)
    assert (found.size, found.modified, found.path) == (5, "2023-11-14T22:13:20Z", path)
    loaded = found.load(SETTINGS)
    assert (loaded.data, loaded.modified) == (b"hello", "2023-11-14T22:13:20Z")


def test_a_file_that_is_gone_by_then_is_an_error_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"hello")
    [found] = find_sources([str(path)], base=tmp_path, exclude=[])
    path.unlink()
    assert isinstance(found, Source)
    with pytest.raises(DocumentError, match="no such file"):
        found.load(SETTINGS)


def test_two_gigabytes_are_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "big.txt"
    with path.open("wb") as file:
        file.truncate(2 * 1024**3)
    [found] = find_sources([str(path)], base=tmp_path, exclude=[])
    assert isinstance(found, Source)
    with pytest.raises(DocumentError, match="2,048 MB; the limit is 200 MB") as error:
        found.load(SETTINGS)
    assert "max_file_mb" in error.value.remedy


def test_stdin_has_a_name() -> None:
    source = from_stdin("notes.md", b"# Hi")
    assert (source.source, source.name, source.size) == ("stdin:notes.md", "notes.md", 4)
    assert source.load(SETTINGS).data == b"# Hi"
