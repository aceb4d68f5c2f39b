"""The limits of a candidate's files, each from both sides, and which tensors fit a base."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from instill.errors import WorkspaceError
from instill.models.registry import Registry
from instill.models.registry.fits_base import check_fit
from instill.models.registry.folder_check import adapter_rank, check_names, tensor_headers
from tests.models.registry.made import make_adapter, make_card, make_weights


def header_of(file: Path, length: int) -> None:
    """A file that says that its header is so long, and is; mostly holes."""
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", length) + b"{")
        stream.truncate(8 + length)


def test_a_header_has_at_most_100_mb(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    header_of(file, 100_000_000)
    with pytest.raises(WorkspaceError, match="is damaged"):  # by what is in it
        tensor_headers(file)
    header_of(file, 100_000_001)
    with pytest.raises(WorkspaceError, match="header is longer than the file"):
        tensor_headers(file)


@pytest.mark.parametrize(("extra", "said"), [(0, "holds no tensors"), (1, "header is longer than the file")])
def test_a_header_ends_with_the_file_at_the_latest(tmp_path: Path, extra: int, said: str) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(struct.pack("<Q", 8 + extra) + b"{      }")
    with pytest.raises(WorkspaceError, match=said):
        tensor_headers(file)


@pytest.mark.parametrize("content", [struct.pack("<Q", 2), struct.pack("<Q", 2) + b"[]", b"{}{}{}{}{"])
def test_what_begins_otherwise_is_no_safetensors_file(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(content)
    with pytest.raises(WorkspaceError, match="no safetensors file" if content[8:] != b"{" else "longer than the file"):
        tensor_headers(file)
    with pytest.raises(WorkspaceError, match="cannot be read: No such file"):
        tensor_headers(tmp_path / "none.safetensors")


@pytest.mark.parametrize(("rank", "sound"), [(1, True), (4096, True), (0, False), (-1, False), (4097, False)])
def test_a_rank_is_from_1_to_4096(tmp_path: Path, rank: int, sound: bool) -> None:
    file = make_adapter(tmp_path / "run") / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "r": rank}))
    if sound:
        assert adapter_rank(tmp_path / "run") == rank
        return
    with pytest.raises(WorkspaceError, match="whole number from 1 to 4096"):
        adapter_rank(tmp_path / "run")


@pytest.mark.parametrize("kind", ["I32", "U8", "BOOL"])
def test_numbers_of_another_kind_are_refused(registry: Registry, base: Path, tmp_path: Path, kind: str) -> None:
    tensors: dict[str, Any] = {"model.norm.weight": np.zeros(4, {"I32": "int32", "U8": "uint8", "BOOL": "bool"}[kind])}
    with pytest.raises(WorkspaceError, match=f"holds model.norm.weight as {kind}"):
        registry.add(make_weights(tmp_path / "run", tensors=tensors), make_card("b-1", base))


def test_adapter_and_weights_together_are_refused(registry: Registry, base: Path, tmp_path: Path) -> None:
    make_weights(make_adapter(tmp_path / "run"))
    with pytest.raises(WorkspaceError, match="needs adapter_model"):
        registry.add(tmp_path / "run", make_card("b-1", base))
    make_adapter(tmp_path / "other")
    (tmp_path / "other" / "adapter_model.safetensors").unlink()
    make_weights(tmp_path / "other")
    with pytest.raises(WorkspaceError, match="needs adapter_model"):  # settings without an adapter
        registry.add(tmp_path / "other", make_card("b-1", base))


def test_a_folder_that_is_a_file_or_a_link_is_refused(tmp_path: Path) -> None:
    make_weights(tmp_path / "run")
    check_names(tmp_path / "run")
    (tmp_path / "link").symlink_to(tmp_path / "run", target_is_directory=True)
    (tmp_path / "file").write_bytes(b"")
    for name in ("link", "file", "none"):
        with pytest.raises(WorkspaceError, match="no folder of its own"):
            check_names(tmp_path / name)


def test_all_parts_of_an_adapter_fit_their_base(base: Path, tmp_path: Path) -> None:
    """DoRA's magnitudes, one for each output, beside both factors; of a matrix only."""
    name = "base_model.model.model.layers.0.mlp.up_proj"
    parts = {
        f"{name}.lora_A.weight": np.ones((2, 4), np.float32),
        f"{name}.lora_B.weight": np.ones((6, 2), np.float32),
        f"{name}.lora_magnitude_vector": np.ones(6, np.float32),
    }
    folder = make_adapter(tmp_path / "run")
    save_file(parts, folder / "adapter_model.safetensors")
    check_fit(folder, base)
    wrong: dict[str, dict[str, tuple[int, ...]]] = {
        r"lora_magnitude_vector has the shape \(4,\), not \(6,\)": {f"{name}.lora_magnitude_vector": (4,)},
        "no base_model.model.model.norm.lora_A": {"base_model.model.model.norm.lora_A.weight": (2, 4)},
        "no model.layers.0": {"model.layers.0.mlp.up_proj.weight": (6, 4)},
    }
    for said, shapes in wrong.items():
        more = {key: np.ones(shape, np.float32) for key, shape in shapes.items()}
        save_file({**parts, **more}, folder / "adapter_model.safetensors")
        with pytest.raises(WorkspaceError, match=said):
            check_fit(folder, base)
