"""What to change in a recipe that does not fit into memory, and how much each change would take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from instill.errors import UsageError
from instill.train.generator.loop.layers import decoder_layers
from instill.train.generator.recipes.training_section import Hyperparameters
from instill.train.machine import bf16_is_fast

_COPIES = 3  # gradient and two moments for each number that is trained
_RANK = 8


@dataclass(frozen=True, slots=True)
class Saving:
    """A change, as it stands in a recipe, and what the run would then need beside the model, in bytes."""

    change: str
    needed: int
    fits: bool


def savings(
    model: Any,
    chosen: Hyperparameters,
    *,
    fixed: int,
    activations: int,
    free: int,
    widest: int,
    longest: int,
    last_layers: int = 0,
    bf16: bool = False,
) -> list[Saving]:
    """Changes that need less, those that change the result least first.

    Args:
        fixed: bytes of gradients and moments.
        activations: bytes at `widest` tokens at one time; taken to grow with these.
        free: bytes that may be needed.
        widest: most tokens that went through the model at one time.
        longest: fewest tokens that can: a row is not divided.
        last_layers: as the recipe has it; 0: all.
        bf16: whether matrices are multiplied in bfloat16 already.
    """
    found: list[tuple[str, int]] = []
    tokens = _fewer_tokens(chosen, free - fixed, activations, widest, longest)
    if tokens:
        found.append((f"training.micro_tokens = {tokens}", fixed + activations * tokens // widest))
    if not bf16 and _can_bf16(model):
        found.append(('training.precision = "bf16"', fixed + activations // 2))
    if not hasattr(model, "peft_config"):
        found.append(('method = "lora"', _COPIES * _adapter_bytes(model, last_layers) + activations))
    if not last_layers:
        found += _last_layers(model, fixed, activations)
    return [Saving(change, needed, needed <= free) for change, needed in found if needed < fixed + activations]


def _fewer_tokens(chosen: Hyperparameters, left: int, activations: int, widest: int, longest: int) -> int:
    """The most tokens, a power of two, that fit; or the fewest that are possible. 0: there are none fewer."""
    lowest = max(64, longest)
    tokens = 1 << max(0, min(chosen.micro_tokens, widest) - 1).bit_length() >> 1
    while tokens // 2 >= lowest and activations * tokens > left * widest:
        tokens //= 2
    return tokens if lowest <= tokens < widest else 0


def _last_layers(model: Any, fixed: int, activations: int) -> list[tuple[str, int]]:
    try:
        layers = decoder_layers(model)
    except UsageError:
        return []
    count = max(1, len(layers) // 4)
    if count == len(layers):
        return []
    trained = _COPIES * sum(_bytes(each) for layer in layers[-count:] for each in _trained(layer))
    # The states of the layers below come from the cache.
    return [(f"last_layers = {count}", min(fixed, trained) + activations * count // len(layers))]


def _adapter_bytes(model: Any, last_layers: int) -> int:
    try:
        layers = decoder_layers(model)
    except UsageError:
        return 0
    linear = (each for layer in layers[-last_layers:] for each in layer.modules() if isinstance(each, nn.Linear))
    return sum(_RANK * (each.in_features + each.out_features) * each.weight.element_size() for each in linear)


def _trained(layer: nn.Module) -> list[nn.Parameter]:
    return [each for each in layer.parameters() if each.requires_grad]


def _bytes(parameter: nn.Parameter) -> int:
    return int(parameter.numel() * parameter.element_size())


def _can_bf16(model: Any) -> bool:
    if next(model.parameters()).device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bf16_is_fast()
