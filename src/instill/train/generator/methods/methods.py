"""Which weights are trained: adapters, or some or all of the model's own."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from instill.errors import UsageError
from instill.models.generators.quiet_libraries import quiet_libraries
from instill.train.generator.loop.layers import decoder, decoder_layers

_PARTS = {
    "mlp": ("mlp", "feed_forward", "block_sparse_moe", "experts"),
    "attention": ("self_attn", "attention", "attn"),
}


class Method(BaseModel):
    """How weights are adapted.

    LoRA: Hu et al., 2021; DoRA: Liu et al., 2024.

    Args:
        kind: adapters ("lora", "dora") or the weights themselves ("full").
        rank: of the adapters.
        alpha: the adapters' scale is alpha / rank.
        last_layers: only so many layers, counted from the top; 0: all.
        modules: only the feed-forward ("mlp") or the attention modules.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["lora", "dora", "full"] = "lora"
    rank: int = Field(8, ge=1, le=4096)
    alpha: float = Field(16, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    last_layers: int = Field(0, ge=0)
    modules: Literal["all", "mlp", "attention"] = "all"


def prepare(model: Any, method: Method) -> Any:
    """The model with exactly those parameters requiring gradients that the method trains.

    An adapter that is there already is trained on. With `last_layers` the word table and the output stay as they
    are, and so does whatever lies below; the norm after the last layer is trained.

    Raises:
        UsageError: the model has fewer layers than asked for, or none of the modules.

    Example:
        >>> from transformers import LlamaConfig, LlamaForCausalLM
        >>> small = LlamaConfig(vocab_size=32, hidden_size=8, num_hidden_layers=2, num_attention_heads=1,
        ...     num_key_value_heads=1, intermediate_size=8)
        >>> model = prepare(LlamaForCausalLM(small), Method(kind="full", last_layers=1))
        >>> {name.split(".")[2] for name, p in model.named_parameters() if p.requires_grad and ".layers." in name}
        {'1'}
    """
    if hasattr(model, "peft_config"):
        return model
    layers = decoder_layers(model)
    if method.last_layers > len(layers):
        raise UsageError(
            f"The model has {len(layers)} layers, fewer than last_layers = {method.last_layers}.", where="last_layers"
        )
    first = frozen_layers(model, method)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    if method.kind == "full":
        _free(model, layers, first, method)
        return model
    return _with_adapter(model, layers, first, method)


def frozen_layers(model: Any, method: Method) -> int:
    """How many of the lowest layers stay as they are, whatever is trained above them; 0 when all are trained."""
    return len(decoder_layers(model)) - method.last_layers if method.last_layers else 0


def _free(model: Any, layers: nn.ModuleList, first: int, method: Method) -> None:
    if method.modules == "all":
        whole: list[nn.Module] = [*layers[first:], decoder(model).norm] if method.last_layers else [model]
        for module in whole:
            module.requires_grad_(True)
        return
    for layer in layers[first:]:
        for name, module in layer.named_children():
            if name in _PARTS[method.modules]:
                module.requires_grad_(True)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise _none_found(model, method)


def _with_adapter(model: Any, layers: nn.ModuleList, first: int, method: Method) -> Any:
    from peft import LoraConfig, get_peft_model

    names = {
        name.rsplit(".", 1)[-1]
        for name, module in layers[-1].named_modules()
        if isinstance(module, nn.Linear)
        and (method.modules == "all" or set(name.split(".")) & {*_PARTS[method.modules]})
    }
    if not names:
        raise _none_found(model, method)
    config = LoraConfig(
        r=method.rank,
        lora_alpha=method.alpha,
        lora_dropout=method.dropout,
        target_modules=sorted(names),
        layers_to_transform=list(range(first, len(layers))) if first else None,
        use_dora=method.kind == "dora",
        task_type="CAUSAL_LM",
    )
    with quiet_libraries():
        return get_peft_model(model, config)


def _none_found(model: Any, method: Method) -> UsageError:
    return UsageError(
        f"No {method.modules} modules are found in this architecture.",
        where=type(model).__name__,
        remedy='Use modules = "all".',
    )
