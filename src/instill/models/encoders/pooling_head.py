"""What follows the transformer: pooling, dense layers, normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from instill.errors import WorkspaceError
from instill.models.encoders.sentence_transformers_folder import SentenceFolder, read_json
from instill.models.encoders.transformer_weights import Linear, UnsupportedArchitecture, read_tensors

POOLINGS = ("mean", "cls", "max", "mean_sqrt_len_tokens", "lasttoken")
_DENSE_ACTIVATIONS = {
    "torch.nn.modules.activation.Tanh": "tanh",
    "torch.nn.modules.activation.ReLU": "relu",
    "torch.nn.modules.activation.GELU": "gelu",
    "torch.nn.modules.linear.Identity": "identity",
}
_OLD_POOLING_KEYS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


@dataclass(frozen=True, slots=True)
class DenseLayer:
    """A layer after pooling; `activation` is "tanh", "relu", "gelu" or "identity"."""

    linear: Linear
    activation: str


@dataclass(frozen=True, slots=True)
class Head:
    """What turns token vectors into one vector; vectors are brought to length 1 at the end in any case.

    `poolings` (one or more of `POOLINGS`) are put side by side.
    """

    poolings: tuple[str, ...] = ("mean",)
    dense: tuple[DenseLayer, ...] = ()


def read_head(folder: SentenceFolder) -> Head:
    """The modules after the transformer.

    Raises:
        UnsupportedArchitecture: a module, pooling or option that this room does not build by itself.
    """
    kinds = [kind for kind, _ in folder.modules]
    if not kinds or kinds[0] != "Pooling":
        raise UnsupportedArchitecture("no pooling after the transformer")
    pooling = read_json(folder.modules[0][1] / "config.json")
    if not pooling.get("include_prompt", True) and (folder.query_prompt or folder.passage_prompt):
        raise UnsupportedArchitecture("a pooling that leaves the prompt out")
    dense = []
    for kind, place in folder.modules[1:]:
        if kind == "Dense":
            dense.append(_read_dense(place))
        elif kind != "Normalize":
            raise UnsupportedArchitecture(f"a {kind} module")
    if "Normalize" in kinds and "Dense" in kinds[kinds.index("Normalize") :]:
        raise UnsupportedArchitecture("a dense layer after normalisation")
    return Head(poolings=_poolings(pooling), dense=tuple(dense))


def _poolings(config: Mapping[str, Any]) -> tuple[str, ...]:
    chosen = config.get("pooling_mode")
    if chosen is None:
        modes = tuple(mode for key, mode in _OLD_POOLING_KEYS.items() if config.get(key)) or ("mean",)
    else:
        modes = (chosen,) if isinstance(chosen, str) else tuple(chosen)
    unknown = [mode for mode in modes if mode not in POOLINGS]
    if unknown:
        raise UnsupportedArchitecture(f'pooling "{unknown[0]}"')
    return modes


def _read_dense(place: Path) -> DenseLayer:
    config = read_json(place / "config.json")
    activation = _DENSE_ACTIVATIONS.get(str(config.get("activation_function", "torch.nn.modules.activation.Tanh")))
    named = config.get("module_input_name", "sentence_embedding") == "sentence_embedding"
    if activation is None or config.get("use_residual") or not named:
        raise UnsupportedArchitecture("a dense layer with unusual options")
    tensors = read_tensors(place)
    weight, bias = tensors.get("linear.weight"), tensors.get("linear.bias")
    if weight is None or weight.ndim != 2:
        raise WorkspaceError(
            "A dense layer's file has no matrix.", where=str(place), remedy="Download the folder again."
        )
    if bias is None:
        bias = np.zeros(len(weight), np.float32)
    return DenseLayer(Linear(weight.T.copy(), bias), activation)
