"""How far apart two candidates' weights are, layer by layer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from instill.models.generators.transformers_models import open_model

_NUMBERED = re.compile(r"(?:^|\.)(\d+)\.")


@dataclass(frozen=True, slots=True)
class LayerDistance:
    """Of one layer, or of a part outside of the layers.

    Args:
        layer: "layer 0", or the part's name: "embed_tokens".
        norm: Frobenius norm of the difference.
        share: that, by the norm of the first candidate's weights there.
    """

    layer: str
    norm: float
    share: float


def distances(base: Path, first: Path, second: Path | None) -> list[LayerDistance]:
    """The difference of two candidates on one base, in the order of the model.

    Both models are in memory at one time.

    Args:
        second: None: the base as it is.

    Raises:
        UsageError: the base cannot be loaded.
        WorkspaceError: a candidate is damaged or does not fit.
    """
    one, other = _weights(base, first), _weights(base, second)
    moved: dict[str, float] = {}
    size: dict[str, float] = {}
    for name, weight in one.items():
        layer = layer_of(name)
        moved[layer] = moved.get(layer, 0.0) + float((weight - other[name]).double().square().sum())
        size[layer] = size.get(layer, 0.0) + float(weight.double().square().sum())
    return [
        LayerDistance(layer, square**0.5, (square / size[layer]) ** 0.5 if size[layer] else 0.0)
        for layer, square in moved.items()
    ]


def layer_of(name: str) -> str:
    """The layer that a parameter belongs to.

    Example:
        >>> layer_of("model.layers.3.mlp.up_proj.weight"), layer_of("model.embed_tokens.weight")
        ('layer 3', 'embed_tokens')
    """
    found = _NUMBERED.search(name)
    return f"layer {found[1]}" if found else name.split(".")[-2]


def _weights(base: Path, candidate: Path | None) -> dict[str, Tensor]:
    model: Any = open_model(base, candidate=candidate)
    with torch.no_grad():
        merged = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
        return {name: each.detach().float() for name, each in merged.named_parameters()}
