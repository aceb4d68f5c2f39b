"""Writing what was trained: a candidate's weights, or a whole model with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from instill.common.durable_files import write_json
from instill.models.generators.adapter_settings import ADAPTER_CONFIG, only_known
from instill.models.generators.candidate_weights import ADAPTER, WEIGHTS
from instill.models.generators.quiet_libraries import quiet_libraries


def save_candidate(model: Any, folder: Path, *, state: Mapping[str, Tensor] | None = None) -> None:
    """Write what was trained: an adapter in PEFT's form, or the tensors that require gradients.

    Args:
        state: the model's tensors by name, where `model` itself holds only this process's part of them.

    Raises:
        ValueError: nothing of the model is trained.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if hasattr(model, "peft_config"):
        from peft import get_peft_model_state_dict

        config = model.peft_config["default"]
        config.base_model_name_or_path, config.inference_mode = "", True
        tensors = get_peft_model_state_dict(model, state_dict=state, save_embedding_layers=False)
        config.save_pretrained(str(folder))
        file = folder / ADAPTER_CONFIG
        write_json(file, only_known(json.loads(file.read_text(encoding="utf-8"))))
        _write(tensors, folder / ADAPTER)
        return
    trained = {
        name: state[name] if state is not None else each
        for name, each in model.named_parameters()
        if each.requires_grad
    }
    if not trained:
        raise ValueError("nothing of the model is trained")
    _write(trained, folder / WEIGHTS)


def save_merged(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a whole transformers folder; an adapter becomes part of the weights."""
    merged = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
    folder.mkdir(parents=True, exist_ok=True)
    with quiet_libraries():
        merged.save_pretrained(str(folder), safe_serialization=True)
    tokenizer.save_pretrained(str(folder))


def _write(tensors: Any, file: Path) -> None:
    save_file({name: each.detach().cpu().contiguous().clone() for name, each in tensors.items()}, file)
