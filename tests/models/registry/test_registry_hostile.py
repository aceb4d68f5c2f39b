"""Candidates that were damaged, or made to do harm."""

from __future__ import annotations

import json
import os
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from instill.errors import WorkspaceError
from instill.models.registry import Registry
from instill.models.registry.card import file_hashes, read_card, write_card
from instill.models.registry.champions import Champions
from tests.models.registry.made import make_adapter, make_card, make_weights


@pytest.fixture
def adapter(registry: Registry, base: Path, tmp_path: Path) -> Path:
    registry.add(make_adapter(tmp_path / "run"), make_card("a-1", base))
    return registry.folder / "a-1"


def sign(folder: Path) -> None:
    """Whoever makes a hostile candidate writes a card that agrees with it."""
    write_card(folder, read_card(folder).model_copy(update={"files": file_hashes(folder)}))


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5])


def header_beyond_the_file(file: Path) -> None:
    file.write_bytes(struct.pack("<Q", 1 << 40) + b"{" + b" " * 200)


def tensor_beyond_the_file(file: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 1 << 30]}}).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))


def pickled(file: Path) -> None:
    file.write_bytes(pickle.dumps({"lora_A": np.ones(3)}))


def integers(file: Path) -> None:
    header = json.dumps({"a": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))


def without_tensors(file: Path) -> None:
    file.write_bytes(struct.pack("<Q", 2) + b"{}")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncated, "is damaged"),
        (header_beyond_the_file, "header is longer than the file"),
        (tensor_beyond_the_file, "is damaged"),
        (pickled, "no safetensors file"),
        (integers, "holds a as I64"),
        (without_tensors, "holds no tensors"),
        (lambda file: file.write_bytes(b""), "no safetensors file"),
    ],
)
def test_what_is_no_sound_safetensors_file_is_refused(
    registry: Registry, adapter: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(adapter / "adapter_model.safetensors")
    with pytest.raises(WorkspaceError, match="another content than on the card"):
        registry.check("a-1")
    sign(adapter)
    with pytest.raises(WorkspaceError, match=said):
        registry.check("a-1")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "modeling.py", "training_args.pt", ".hidden", "README.md"])
def test_a_file_of_another_kind_is_refused_even_on_the_card(registry: Registry, adapter: Path, name: str) -> None:
    (adapter / name).write_bytes(b"\x80\x04.")
    sign(adapter)
    with pytest.raises(WorkspaceError, match="not a file of a candidate"):
        registry.check("a-1")


def test_a_folder_inside_is_refused(registry: Registry, adapter: Path) -> None:
    (adapter / "weights.safetensors").mkdir()
    with pytest.raises(WorkspaceError, match="not a file of a candidate"):
        registry.check("a-1")


def test_links_are_refused(registry: Registry, adapter: Path, tmp_path: Path) -> None:
    file = adapter / "adapter_model.safetensors"
    file.rename(tmp_path / "outside")
    file.symlink_to(tmp_path / "outside")
    with pytest.raises(WorkspaceError, match="is a link"):
        registry.check("a-1")
    with pytest.raises(WorkspaceError, match="is a link"):
        registry.add(adapter, make_card("b-1", tmp_path))
    adapter.rename(tmp_path / "a-1")
    adapter.symlink_to(tmp_path / "a-1", target_is_directory=True)
    with pytest.raises(WorkspaceError, match="folder is a link"):
        registry.check("a-1")


def test_a_card_that_points_out_of_the_folder_is_refused(registry: Registry, adapter: Path) -> None:
    card = read_card(adapter)
    write_card(adapter, card.model_copy(update={"files": {**card.files, "../../../secret": "0" * 64}}))
    with pytest.raises(WorkspaceError, match="secret is missing"):
        registry.check("a-1")


def test_a_missing_file_is_named(registry: Registry, adapter: Path) -> None:
    (adapter / "adapter_config.json").unlink()
    with pytest.raises(WorkspaceError, match=r"adapter_config\.json is missing"):
        registry.check("a-1")
    sign(adapter)
    with pytest.raises(WorkspaceError, match="needs adapter_model"):
        registry.check("a-1")


@pytest.mark.parametrize(
    "settings",
    [
        "",
        "[]",
        "{}",
        '{"peft_type": "IA3", "r": 2}',
        '{"peft_type": "LORA", "r": 0}',
        '{"peft_type": "LORA", "r": true}',
    ],
)
def test_settings_of_another_kind_are_refused(registry: Registry, adapter: Path, settings: str) -> None:
    (adapter / "adapter_config.json").write_text(settings)
    sign(adapter)
    with pytest.raises(WorkspaceError, match="adapter_config"):
        registry.check("a-1")


def test_tensors_that_the_base_does_not_have_are_refused(registry: Registry, base: Path, tmp_path: Path) -> None:
    cases = {
        "no .*lm_head": make_adapter(tmp_path / "1", module="lm_head"),
        r"shape \(5, 2\), not \(6, 2\)": make_adapter(tmp_path / "2", outputs=5),
        r"shape \(3, 4\), not \(2, 4\)": make_adapter(tmp_path / "3", rank=3),
        "no model.evil": make_weights(tmp_path / "4", tensors={"model.evil": np.ones(3, np.float32)}),
        r"shape \(9,\), not \(4,\)": make_weights(
            tmp_path / "5", tensors={"model.norm.weight": np.ones(9, np.float32)}
        ),
    }
    for said, weights in cases.items():
        with pytest.raises(WorkspaceError, match=said):
            registry.add(weights, make_card("b-1", base))
    assert registry.ids() == []


def changed_settings(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "adapter_config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return change


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target_modules": ".*"}, "a pattern is not taken"),
        ({"target_modules": [".*"]}, "a pattern is not taken"),
        ({"target_modules": ["up_proj", "(a+)+$"]}, "a pattern is not taken"),
        ({"target_modules": []}, "a pattern is not taken"),
        ({"target_modules": "all-linear"}, "a pattern is not taken"),
        ({"target_modules": [7]}, "a pattern is not taken"),
        ({"layers_to_transform": "all"}, "layers_to_transform"),
        ({"layers_to_transform": [True]}, "layers_to_transform"),
        ({"lora_alpha": "16"}, "lora_alpha"),
        ({"lora_alpha": 1e300}, "lora_alpha"),
        ({"lora_dropout": -1}, "lora_dropout"),
        ({"use_dora": "yes"}, "use_dora"),
        ({"r": 2.0}, "r that is not a whole number"),
        ({"task_type": "SEQ_CLS"}, "task_type"),
        ({"modules_to_save": ["lm_head"]}, "asks for modules_to_save"),
        ({"target_parameters": ["a.b"]}, "asks for target_parameters"),
        ({"rank_pattern": {"(a+)+$": 4}}, "asks for rank_pattern"),
        ({"bias": "all"}, "asks for bias"),
        ({"layer_replication": [[0, 9999]]}, "asks for layer_replication"),
        ({"base_model_class": None}, "unknown key 'base_model_class'"),
        ({"auto_map": {}}, "unknown key 'auto_map'"),
    ],
)
def test_settings_that_ask_for_more_or_are_unknown_are_refused(
    registry: Registry, adapter: Path, changes: dict[str, object], said: str
) -> None:
    changed_settings(**changes)(adapter)
    sign(adapter)
    with pytest.raises(WorkspaceError, match=re.escape(said)):
        registry.check("a-1")


def test_settings_as_peft_writes_them_are_taken(registry: Registry, adapter: Path) -> None:
    from peft import LoraConfig

    written = LoraConfig(task_type="CAUSAL_LM", r=2, lora_alpha=4, target_modules=["up_proj"])
    written.save_pretrained(str(adapter))
    sign(adapter)
    registry.check("a-1")


ODD: dict[str, Callable[[Path], None]] = {
    "pipe": os.mkfifo,
    "link to a device": lambda file: file.symlink_to("/dev/zero"),
    "link": lambda file: file.symlink_to("/etc/hostname"),
    "link to nothing": lambda file: file.symlink_to("/nowhere"),
    "folder": Path.mkdir,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", ["card.json", "adapter_config.json", "adapter_model.safetensors"])
def test_what_is_no_file_is_not_waited_for(registry: Registry, adapter: Path, kind: str, name: str) -> None:
    (adapter / name).unlink()
    ODD[kind](adapter / name)
    with pytest.raises(WorkspaceError, match=name.partition(".")[0] if name != "card.json" else "card is damaged"):
        registry.check("a-1")
    entries = registry.entries()  # a list shows what can be read, and what cannot
    assert [(entry.id, bool(entry.problem)) for entry in entries] == [("a-1", name == "card.json")]


@pytest.mark.timeout(60)
def test_a_pipe_in_the_place_of_the_record_is_not_waited_for(registry: Registry, adapter: Path) -> None:
    os.mkfifo(registry.home / "champion.json")
    with pytest.raises(WorkspaceError, match="record of champions is damaged"):
        Champions(registry).lines()
