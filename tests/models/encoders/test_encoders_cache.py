from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from instill.errors import WorkspaceError
from instill.models.encoders import cache, open_encoder
from instill.settings import EncoderSettings
from tests.models.encoders.tiny_folders import write_bert_folder


@pytest.fixture
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of encoders for this test alone."""
    monkeypatch.setenv("INSTILL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _write(text: str) -> Any:
    def build(draft: Path) -> dict[str, Any]:
        (draft / "data.txt").write_text(text, "utf-8")
        return {"note": text}

    return build


def test_an_entry_is_read_back_with_its_manifest(private_cache: Path) -> None:
    assert cache.open_entry("one") is None
    folder, manifest = cache.make_entry("one", _write("hello"))
    assert folder == private_cache / "encoders" / "one"
    assert manifest["note"] == "hello"
    assert manifest["files"]["data.txt"]["size"] == 5
    assert cache.open_entry("one") == (folder, manifest)
    assert [path.name for path in folder.parent.iterdir()] == ["one"]


def test_changed_truncated_and_missing_files_are_noticed_and_replaced(private_cache: Path) -> None:
    folder, _ = cache.make_entry("one", _write("hello"))
    for damage in ("hellO", "hell", ""):
        (folder / "data.txt").write_text(damage, "utf-8")
        os.utime(folder / "data.txt", ns=(1, 1))
        assert cache.open_entry("one") is None
        cache.make_entry("one", _write("hello"))
        assert (folder / "data.txt").read_text("utf-8") == "hello"
    (folder / "data.txt").unlink()
    assert cache.open_entry("one") is None
    cache.make_entry("one", _write("hello"))
    (folder / cache.MANIFEST).write_text("[]", "utf-8")
    assert cache.open_entry("one") is None


def test_a_file_with_another_time_but_the_same_content_is_accepted(private_cache: Path) -> None:
    folder, _ = cache.make_entry("one", _write("hello"))
    os.utime(folder / "data.txt", ns=(1, 1))
    assert cache.open_entry("one") is not None


def test_the_first_of_two_writers_wins(private_cache: Path) -> None:
    def slow(draft: Path) -> dict[str, Any]:
        cache.make_entry("one", _write("first"))
        return dict(_write("second")(draft))

    folder, manifest = cache.make_entry("one", slow)
    assert manifest["note"] == "first"
    assert [path.name for path in folder.parent.iterdir()] == ["one"]


def test_a_failed_build_leaves_nothing(private_cache: Path) -> None:
    def fail(draft: Path) -> dict[str, Any]:
        (draft / "half").write_text("x", "utf-8")
        raise OSError(28, "No space left on device")

    with pytest.raises(WorkspaceError, match="No space left") as caught:
        cache.make_entry("one", fail)
    assert "INSTILL_CACHE_DIR" in caught.value.remedy
    assert list((private_cache / "encoders").iterdir()) == []


def test_a_cache_that_cannot_be_made_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv("INSTILL_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(WorkspaceError, match="cannot be written"):
        cache.make_entry("one", _write("x"))


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INSTILL_CACHE_DIR", str(tmp_path / "chosen"))
    assert cache.cache_root() == tmp_path / "chosen"
    monkeypatch.delenv("INSTILL_CACHE_DIR")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_root() == tmp_path / "instill"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.cache_root() == Path.home() / ".cache" / "instill"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache.cache_root() == tmp_path / "instill" / "cache"


def test_several_processes_export_the_same_encoder_at_once(private_cache: Path, tmp_path: Path) -> None:
    folder = write_bert_folder(tmp_path / "model")
    program = (
        "import sys; from instill.models.encoders import open_encoder; from instill.settings import EncoderSettings\n"
        "encoder = open_encoder(EncoderSettings(model=sys.argv[1]))\n"
        "print(encoder.encode_queries(['the cat sat']).tobytes().hex())"
    )
    command = [sys.executable, "-c", program, str(folder)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    printed = {process.communicate(timeout=60)[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    expected = open_encoder(EncoderSettings(model=str(folder))).encode_queries(["the cat sat"]).tobytes().hex()
    assert printed == {expected + "\n"}
    assert len(list((private_cache / "encoders").iterdir())) == 1


def test_what_a_killed_process_left_is_removed_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTILL_CACHE_DIR", str(tmp_path))
    shelf = tmp_path / "models"
    for name, hours in ((".left-abc", 25), (".fresh-abc", 1)):
        (shelf / name).mkdir(parents=True)
        (shelf / name / "part").write_bytes(b"x")
        for each in (shelf / name / "part", shelf / name):
            os.utime(each, (time.time() - hours * 3600,) * 2)
    cache.make_entry("whole", lambda draft: {"n": (draft / "a").write_text("a")}, shelf="models")
    assert sorted(each.name for each in shelf.iterdir()) == [".fresh-abc", "whole"]
