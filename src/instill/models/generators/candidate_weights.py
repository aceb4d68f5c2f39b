"""Putting a candidate's weights onto its base. The files are not trusted: names, shapes and settings are checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from instill.common.untrusted_files import odd_file
from instill.errors import WorkspaceError
from instill.models.generators.adapter_settings import read_adapter_settings

ADAPTER, WEIGHTS = "adapter_model.safetensors", "weights.safetensors"


def apply_candidate(model: Any, folder: Path, *, scale: float = 1.0, trainable: bool = False) -> Any:
    """`model` with the candidate in `folder`.

    Args:
        scale: how much of it, 0 to 1: weights between the base's and the candidate's (Wortsman et al., "Robust
            fine-tuning of zero-shot models", CVPR 2022).
        trainable: keep an adapter apart, to train it on.

    Raises:
        WorkspaceError: the folder has no weights, or they are damaged, or are not of this base.
    """
    odd = odd_file(folder)
    if odd:
        raise WorkspaceError(f"The candidate is refused: {odd}.", where=str(folder), remedy="Remove its folder.")
    if (folder / ADAPTER).is_file():
        return _with_adapter(model, folder, scale, trainable)
    if (folder / WEIGHTS).is_file():
        return _with_weights(model, folder / WEIGHTS, scale)
    raise WorkspaceError("The candidate has no weights.", where=str(folder), remedy=f"It needs {ADAPTER} or {WEIGHTS}.")


def _with_weights(model: Any, file: Path, scale: float) -> Any:
    tensors = _read(file)
    known = dict(model.named_parameters())
    _same(tensors, {name: each.shape for name, each in known.items() if name in tensors}, file)
    with torch.no_grad():
        for name, value in tensors.items():
            base = known[name]
            base.copy_(value if scale == 1 else torch.lerp(base.float(), value.to(base.device).float(), scale))
    return model


def _with_adapter(model: Any, folder: Path, scale: float, trainable: bool) -> Any:
    from peft import get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

    config = adapter_config(folder)
    tensors = _read(folder / ADAPTER)
    base = {name: each.detach().clone() for name, each in model.named_parameters()} if _is_dense(config, scale) else {}
    try:
        adapted = get_peft_model(model, config)
    except ValueError as error:
        raise _misfit(folder, str(error)) from error
    expected = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    _same(tensors, {name: each.shape for name, each in expected.items()}, folder / ADAPTER)
    if len(tensors) != len(expected):
        raise _misfit(folder, f"{len(expected) - len(tensors)} tensors are missing")
    if scale != 1 and not base:
        # (scale * B) A is scale * (B A): the adapter stays an adapter.
        tensors = {name: each * scale if ".lora_B." in name else each for name, each in tensors.items()}
    set_peft_model_state_dict(adapted, tensors)
    if not base:
        adapted.peft_config["default"].inference_mode = not trainable
        for name, parameter in adapted.named_parameters():
            parameter.requires_grad_(trainable and "lora_" in name)
        return adapted
    merged = adapted.merge_and_unload()
    with torch.no_grad():
        for name, parameter in merged.named_parameters():
            parameter.requires_grad_(not torch.equal(parameter, base[name]))
            parameter.copy_(torch.lerp(base[name], parameter, scale))
    return merged


def adapter_config(folder: Path) -> Any:
    """The settings of an adapter, as PEFT's LoraConfig; only those that are understood are taken over.

    Raises:
        WorkspaceError: it cannot be read, or it asks for something else than LoRA or DoRA on named modules.
    """
    from peft import LoraConfig

    try:
        return LoraConfig(task_type="CAUSAL_LM", **read_adapter_settings(folder))
    except (TypeError, ValueError) as error:
        raise _misfit(folder, str(error)) from error


def _is_dense(config: Any, scale: float) -> bool:
    """DoRA's magnitudes are no product, so what lies between the base and it has to be computed weight by weight."""
    return bool(config.use_dora) and scale != 1


def _read(file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except (OSError, SafetensorError, ValueError) as error:
        raise WorkspaceError(
            f"The weights cannot be read: {error}.", where=str(file), remedy="Train it again from its recipe."
        ) from error


def _same(tensors: Mapping[str, Tensor], shapes: Mapping[str, Any], file: Path) -> None:
    for name, value in tensors.items():
        if name not in shapes:
            raise _misfit(file, f"the base has no {name}")
        if value.shape != shapes[name]:
            raise _misfit(file, f"{name} has the shape {tuple(value.shape)}, the base's is {tuple(shapes[name])}")
        if not value.is_floating_point() or not bool(torch.isfinite(value).all()):
            raise _misfit(file, f"{name} holds something else than finite numbers")


def _misfit(place: Path, why: str) -> WorkspaceError:
    return WorkspaceError(
        f"The candidate does not fit its base: {why}.",
        where=str(place),
        remedy="Use it with the base that its card names, or train it again.",
    )
