"""Folders of models that come from elsewhere: what is in them is looked at before anything opens it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from instill.common.untrusted_files import LARGEST_JSON
from instill.errors import UsageError
from instill.models.generators import model_folder
from instill.models.generators.model_folder import checked_folder
from instill.models.generators.model_hash import model_hash
from tests.models.registry.made import make_base


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_base(tmp_path / "model")


def in_shards(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    content = {"metadata": {}, "weight_map": {"model.norm.weight": name}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(content))


def test_shards_of_the_folder_are_taken_and_are_part_of_its_hash(base: Path) -> None:
    in_shards(base, "model-00001-of-00001.safetensors")
    before = model_hash(base)
    file = base / "model-00001-of-00001.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(1, 1))
    assert model_hash(base) != before


@pytest.mark.parametrize(
    "name",
    ["../other/model.safetensors", "/etc/model.safetensors", "sub/model.safetensors", "model.bin", "..", "", "a\0b",
     "model-00002-of-00002.safetensors"],
)  # fmt: skip
def test_an_index_that_names_weights_elsewhere_is_refused(base: Path, name: str) -> None:
    in_shards(base, name)
    with pytest.raises(UsageError, match=r"model\.safetensors\.index\.json names"):
        checked_folder(base)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {}}', '{"weight_map": {"a": 1}}', "[" * 100_000, "\xff"],
)
def test_an_index_that_is_none_is_refused(base: Path, content: str) -> None:
    (base / "model.safetensors.index.json").write_text(content, encoding="latin-1")
    with pytest.raises(UsageError, match="index"):
        checked_folder(base)


ODD: dict[str, Callable[[Path], None]] = {
    "pipe": os.mkfifo,
    "link to a device": lambda file: file.symlink_to("/dev/zero"),
    "link to a file": lambda file: file.symlink_to("/etc/hostname"),
    "link to nothing": lambda file: file.symlink_to("/nowhere"),
}
NAMES = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
         "model.safetensors", "vocab.txt", "tokenizer.model"]  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_file_of_the_folder_is_refused_before_it_is_opened(base: Path, kind: str, name: str) -> None:
    (base / name).unlink(missing_ok=True)
    ODD[kind](base / name)
    with pytest.raises(UsageError):
        checked_folder(base)


def test_files_that_are_too_large_are_refused(base: Path) -> None:
    for name, size in (("config.json", LARGEST_JSON + 1), ("chat_template.jinja", 1_000_001)):
        content = (base / name).read_bytes() if (base / name).exists() else None
        with (base / name).open("wb") as stream:
            stream.truncate(size)
        with pytest.raises(UsageError, match=f"{name} has"):
            checked_folder(base)
        (base / name).unlink()
        if content is not None:
            (base / name).write_bytes(content)
    checked_folder(base)


def test_links_inside_the_folder_and_into_the_hubs_cache_are_taken(base: Path, tmp_path: Path) -> None:
    (base / "weights").mkdir()
    (base / "model.safetensors").rename(base / "weights" / "a")
    (base / "model.safetensors").symlink_to("weights/a")
    checked_folder(base)
    hub = tmp_path / "models--a--b"
    (hub / "blobs").mkdir(parents=True)
    snapshot = hub / "snapshots" / "0a1b"
    snapshot.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (hub / "blobs" / name[:5]).write_bytes((base / name).read_bytes())
        (snapshot / name).symlink_to(f"../../blobs/{name[:5]}")
    checked_folder(snapshot)
    (snapshot / "tokenizer.json").symlink_to(tmp_path / "private.json")
    with pytest.raises(UsageError, match="leads out"):
        model_folder.checked_folder(snapshot)


def test_an_adapter_beside_the_model_is_refused(base: Path) -> None:
    """transformers would load the model that it names, and not the one in the folder."""
    (base / "adapter_config.json").write_text('{"base_model_name_or_path": "/elsewhere", "peft_type": "LORA"}')
    with pytest.raises(UsageError, match="holds an adapter"):
        checked_folder(base)
