"""Models and candidates: what is saved comes back, in whole or in part; what is hostile or of another base does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from instill.errors import UsageError, WorkspaceError
from instill.models.generators.candidate_weights import adapter_config
from instill.models.generators.model_folder import checked_folder
from instill.models.generators.model_hash import model_hash
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.train.generator.export.saving import save_candidate
from instill.train.generator.methods.methods import Method, prepare
from tests.train.generator.made_candidates import make_base_model, make_candidate_weights

METHODS = {
    "lora": Method(kind="lora", rank=4),
    "lora-attention-last": Method(kind="lora", rank=2, alpha=8, last_layers=1, modules="attention"),
    "dora": Method(kind="dora", rank=4),
    "full": Method(kind="full"),
    "last": Method(kind="full", last_layers=1),
    "mlp": Method(kind="full", modules="mlp"),
    "attention-last": Method(kind="full", last_layers=1, modules="attention"),
}
PROMPT = torch.tensor([[1, 7, 8, 9, 10, 11]])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base_model(tmp_path_factory.mktemp("models") / "base")


def trained(base: Path, method: Method) -> Any:
    """A model whose trained weights moved at random."""
    model = prepare(open_model(base), method)
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def logits(model: Any) -> Tensor:
    with torch.no_grad():
        found: Tensor = model.eval()(PROMPT).logits
    return found


def weights(model: Any) -> dict[str, Tensor]:
    merged = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
    return {name: each.detach().clone() for name, each in merged.named_parameters()}


@pytest.mark.parametrize("name", METHODS)
def test_a_candidate_comes_back_whole_in_part_and_not_at_all(name: str, base: Path, tmp_path: Path) -> None:
    model = trained(base, METHODS[name])
    wanted = logits(model)
    save_candidate(model, tmp_path)
    found = open_model(base, candidate=tmp_path)
    torch.testing.assert_close(logits(found), wanted, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(wanted, logits(open_model(base)), atol=1e-2)
    start, end = weights(open_model(base)), weights(found)
    none = weights(open_model(base, candidate=tmp_path, scale=0))
    assert all(torch.equal(none[key], start[key]) for key in start)
    half = weights(open_model(base, candidate=tmp_path, scale=0.5))
    for key in start:
        torch.testing.assert_close(half[key], (start[key] + end[key]) / 2, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_a_saved_candidate_holds_what_was_trained_and_nothing_else(name: str, base: Path, tmp_path: Path) -> None:
    model = trained(base, METHODS[name])
    save_candidate(model, tmp_path)
    (file,) = tmp_path.glob("*.safetensors")
    parts = {key.replace(".default", "") for key, each in model.named_parameters() if each.requires_grad}
    if METHODS[name].kind == "full":
        assert set(load_file(file)) == parts
        assert [each.name for each in tmp_path.iterdir()] == ["weights.safetensors"]
    else:
        assert {key.removesuffix(".weight") for key in load_file(file)} == {
            key.removesuffix(".weight") for key in parts
        }
        config = json.loads((tmp_path / "adapter_config.json").read_text())
        assert not config["base_model_name_or_path"]  # No path of this machine.


def test_the_lowest_layers_stay_as_they_are(base: Path, tmp_path: Path) -> None:
    save_candidate(trained(base, METHODS["last"]), tmp_path)
    start, end = weights(open_model(base)), weights(open_model(base, candidate=tmp_path))
    changed = {key for key in start if not torch.equal(start[key], end[key])}
    assert changed
    assert all(key.startswith(("model.layers.1.", "model.norm")) for key in changed)


@pytest.mark.parametrize("name", ["lora", "dora"])
def test_an_adapter_can_be_trained_on(name: str, base: Path, tmp_path: Path) -> None:
    save_candidate(trained(base, METHODS[name]), tmp_path)
    frozen = open_model(base, candidate=tmp_path)
    assert not any(each.requires_grad for each in frozen.parameters())
    on = prepare(open_model(base, candidate=tmp_path, trainable=True), METHODS[name])
    names = {key for key, each in on.named_parameters() if each.requires_grad}
    assert names
    assert all("lora_" in key for key in names)
    torch.testing.assert_close(logits(on), logits(frozen))


def test_nothing_trained_is_a_mistake_of_the_program(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing"):
        save_candidate(open_model(base).requires_grad_(False), tmp_path)


def test_the_hash_is_of_weights_vocabulary_and_settings(base: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(base, tmp_path / "other"))
    assert model_hash(other) == model_hash(base)
    (other / "README.md").write_text("not part of the model")
    assert model_hash(other) == model_hash(base)
    for file in ("config.json", "tokenizer.json", "model.safetensors"):
        content = (other / file).read_bytes()
        (other / file).write_bytes(content + b" ")
        assert model_hash(other) != model_hash(base)
        (other / file).write_bytes(content)


def test_loading_is_quiet_and_leaves_the_libraries_as_they_were(base: Path, capfd: Any) -> None:
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    open_model(base)
    open_tokenizer(base)
    assert capfd.readouterr() == ("", "")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def test_the_precision_can_be_chosen(base: Path) -> None:
    assert {each.dtype for each in open_model(base, dtype=torch.bfloat16).parameters()} == {torch.bfloat16}
    assert {each.dtype for each in open_model(base, dtype=torch.float32).parameters()} == {torch.float32}


def test_a_folder_that_is_no_model_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no config\.json"):
        open_model(tmp_path)
    broken = Path(shutil.copytree(base, tmp_path / "broken"))
    (broken / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    with pytest.raises(UsageError, match="model cannot be loaded"):
        open_model(broken)
    (broken / "tokenizer.json").write_text("{")
    with pytest.raises(UsageError, match="tokenizer cannot be loaded"):
        open_tokenizer(broken)
    (broken / "model.safetensors").rename(broken / "pytorch_model.bin")
    with pytest.raises(UsageError, match="pickled"):
        checked_folder(broken)


def changed_config(**values: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        file = folder / "adapter_config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **values}))

    return change


def changed_tensors(change: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> Callable[[Path], object]:
    def changed(folder: Path) -> None:
        file = folder / "adapter_model.safetensors"
        save_file(change(load_file(file)), file)

    return changed


def _renamed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    first, *rest = tensors
    return {first.replace("layers.0", "layers.9"): tensors[first], **{key: tensors[key] for key in rest}}


def _wide(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: torch.zeros(9, 9) for key in tensors}


HOSTILE: dict[str, Callable[[Path], object]] = {
    "another kind": changed_config(peft_type="PROMPT_TUNING"),
    "a module from elsewhere": changed_config(auto_mapping={"parent_library": "os", "base_model_class": "system"}),
    "weights outside of the layers": changed_config(modules_to_save=["lm_head"]),
    "modules by a pattern": changed_config(target_modules="(a+)+$"),
    "modules that are not there": changed_config(target_modules=["nothing"]),
    "a rank without end": changed_config(r=10**9),
    "a rank in words": changed_config(r="4"),
    "other ranks for some": changed_config(rank_pattern={"q_proj": 10**9}),
    "a start that is loaded": changed_config(init_lora_weights="pissa"),
    "settings that are no object": lambda folder: (folder / "adapter_config.json").write_text("[]"),
    "settings that are no JSON": lambda folder: (folder / "adapter_config.json").write_bytes(b"\xff{"),
    "no settings": lambda folder: (folder / "adapter_config.json").unlink(),
    "a missing tensor": changed_tensors(lambda tensors: dict(list(tensors.items())[1:])),
    "a strange tensor": changed_tensors(lambda tensors: {**tensors, "strange": torch.zeros(1)}),
    "a renamed tensor": changed_tensors(_renamed),
    "other shapes": changed_tensors(_wide),
    "no numbers": changed_tensors(lambda tensors: {key: each * float("nan") for key, each in tensors.items()}),
    "whole numbers": changed_tensors(lambda tensors: {key: each.to(torch.int64) for key, each in tensors.items()}),
    "cut short": lambda folder: (
        (folder / "adapter_model.safetensors").write_bytes((folder / "adapter_model.safetensors").read_bytes()[:-9])
        and None
    ),
    "a pickle": lambda folder: torch.save({}, folder / "adapter_model.safetensors"),
    "no weights": lambda folder: (folder / "adapter_model.safetensors").unlink(),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_adapter_is_refused(kind: str, base: Path, tmp_path: Path) -> None:
    make_candidate_weights(base, tmp_path, "lora")
    open_model(base, candidate=tmp_path)
    HOSTILE[kind](tmp_path)
    with pytest.raises(WorkspaceError):
        open_model(base, candidate=tmp_path)


@pytest.mark.parametrize("change", [{"model.strange": torch.zeros(1)}, {"model.norm.weight": torch.zeros(3)}])
def test_full_weights_of_another_base_are_refused(change: dict[str, Tensor], base: Path, tmp_path: Path) -> None:
    make_candidate_weights(base, tmp_path, "full")
    file = tmp_path / "weights.safetensors"
    save_file({**load_file(file), **change}, file)
    with pytest.raises(WorkspaceError, match="does not fit its base"):
        open_model(base, candidate=tmp_path)


def test_only_settings_that_are_understood_are_taken_over(base: Path, tmp_path: Path) -> None:
    make_candidate_weights(base, tmp_path, "lora")
    changed_config(base_model_name_or_path="/etc", revision="main", inference_mode=False)(tmp_path)
    config = adapter_config(tmp_path)
    assert config.base_model_name_or_path is None
    assert config.revision is None
