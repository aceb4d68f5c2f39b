"""Attention in float32 where everything else is bfloat16: on a CPU its bfloat16 kernels are the slower ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

_NAME = "instill_float32"


class AttentionInFloat32:
    """Inside, `model` (a causal model of transformers, or an adapter around one) computes its attention in float32.

    May be entered again and again. Where the model was set to another kind of attention than the usual one, nothing
    is changed.
    """

    def __init__(self, model: Any) -> None:
        self._model = model.get_base_model() if hasattr(model, "get_base_model") else model

    def __enter__(self) -> None:
        if self._model.config._attn_implementation == "sdpa":
            AttentionInterface.register(_NAME, _attention)
            AttentionMaskInterface.register(_NAME, sdpa_mask)
            self._model.set_attn_implementation(_NAME)

    def __exit__(self, *_: object) -> None:
        if self._model.config._attn_implementation == _NAME:
            self._model.set_attn_implementation("sdpa")


def _attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Any
) -> tuple[Tensor, Any]:
    # Autocast would turn the inputs back into bfloat16.
    with torch.autocast(query.device.type, enabled=False):
        found, weights = sdpa_attention_forward(module, query.float(), key.float(), value.float(), mask, **options)
    return found.to(query.dtype), weights
