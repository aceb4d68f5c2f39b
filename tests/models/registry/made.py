"""Small candidates and their base as files, without a model in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from instill.models.registry.card import Base, Card, GateResult, Rows

BASE_HASH = "0123456789abcdef"
SHAPES = {"model.layers.0.mlp.up_proj.weight": (6, 4), "model.norm.weight": (4,)}


def make_base(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    save_file({name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}, folder / "model.safetensors")
    return folder


def make_weights(folder: Path, value: float = 1.0, tensors: Mapping[str, Any] | None = None) -> Path:
    """What full fine-tuning leaves."""
    folder.mkdir(parents=True, exist_ok=True)
    found = dict(tensors or {}) or {"model.norm.weight": np.full(4, value, np.float32)}
    save_file(found, folder / "weights.safetensors")
    return folder


def make_adapter(folder: Path, *, rank: int = 2, outputs: int = 6, module: str = "model.layers.0.mlp.up_proj") -> Path:
    """What LoRA leaves, as PEFT writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"base_model.model.{module}"
    tensors = {
        f"{name}.lora_A.weight": np.ones((rank, 4), np.float32),
        f"{name}.lora_B.weight": np.ones((outputs, rank), np.float32),
    }
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["up_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def make_card(id_: str, folder: Path, *, passed: bool | None = True, **more: Any) -> Card:
    given: dict[str, Any] = {
        "id": id_,
        "made": "2026-01-01T00:00:00Z",
        "base": Base(name=folder.name, folder=str(folder), hash=BASE_HASH),
        "rows": Rows(hash="fedcba9876543210", count=12),
        "recipe": {"epochs": 2},
        "seed": 0,
        "gate": None if passed is None else GateResult(passed=passed),
    }
    return Card(**{**given, **more})
