"""A small model's folder, and candidates on it: real ones, with random weights instead of trained ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from instill.lab.micro_model import make_tokenizer, save_micro
from instill.models.generators.model_hash import model_hash
from instill.models.generators.transformers_models import open_model
from instill.models.registry import Registry
from instill.models.registry.card import Base, Card, GateResult, Metrics, Rows
from instill.train.generator.export.saving import save_candidate
from instill.train.generator.methods.methods import Method, prepare

TEXTS = ["What is tea?", "Green tea is brewed at 80 degrees.", "Who are you?", "Give the answer as JSON."]


def make_base_model(folder: Path, *, seed: int = 0) -> Path:
    """Two layers of 32 dimensions, with weights large enough that it is sure of what it says."""
    tokenizer = make_tokenizer(TEXTS)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=512, initializer_range=0.3, tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    save_micro(LlamaForCausalLM(config), tokenizer, folder)
    return folder


def make_candidate_weights(base: Path, folder: Path, kind: Any, *, seed: int = 1, rank: int = 4) -> Path:
    """What training with this method would leave."""
    model = prepare(open_model(base), Method(kind=kind, rank=rank, last_layers=1 if kind == "full" else 0))
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    save_candidate(model, folder)
    return folder


def add_candidate(home: Path, base: Path, id_: str, kind: Any = "lora", *, seed: int = 1, **more: Any) -> Card:
    """A candidate in the registry under `home`."""
    weights = make_candidate_weights(base, home / "run" / id_, kind, seed=seed)
    given: dict[str, Any] = {
        "id": id_,
        "made": f"2026-01-01T00:00:0{seed}Z",
        "base": Base(name=base.name, folder=str(base), hash=model_hash(base)),
        "rows": Rows(hash="fedcba9876543210", count=12),
        "recipe": {"method": kind, "epochs": 2},
        "seed": seed,
        "metrics": Metrics(before={"accuracy": 0.25}, after={"accuracy": 0.75}),
        "gate": GateResult(passed=True),
    }
    return Registry(home).add(weights, Card(**{**given, **more}))
