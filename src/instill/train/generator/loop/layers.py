"""A model's decoder layers, and running only some of them: the library's own forward pass, with layers skipped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from instill.errors import UsageError


def decoder(model: Any) -> Any:
    """The part of a causal model that ends before the output layer, also under an adapter."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return inner.get_decoder() if hasattr(inner, "get_decoder") else inner.base_model


def decoder_layers(model: Any) -> nn.ModuleList:
    """The decoder layers, lowest first.

    Raises:
        UsageError: the architecture keeps them elsewhere than all known ones.
    """
    found = getattr(decoder(model), "layers", None)
    if not isinstance(found, nn.ModuleList):
        raise UsageError(
            "The layers of this architecture are not found.",
            where=type(model).__name__,
            remedy='Train it as a whole (method = "full") or with adapters (method = "lora").',
        )
    return found


@contextmanager
def only_below(model: Any, count: int) -> Iterator[None]:
    """Inside, the layers from `count` on hand through what they are given, and so does the last norm."""
    skipped = [*decoder_layers(model)[count:], decoder(model).norm]
    with _replaced(skipped, lambda hidden, *_, **__: hidden):
        yield


@contextmanager
def only_above(model: Any, count: int, hidden: Tensor) -> Iterator[None]:
    """Inside, the first `count` layers (one at least) are not computed: `hidden` is what comes out of them.

    Args:
        hidden: `(rows, tokens, width)`, the output of layer `count - 1`.
    """
    layers = decoder_layers(model)
    with _replaced(layers[:1], lambda *_, **__: hidden), _replaced(layers[1:count], lambda given, *_, **__: given):
        yield


@contextmanager
def _replaced(modules: Any, forward: Any) -> Iterator[None]:
    for module in modules:
        module.forward = forward
    try:
        yield
    finally:
        for module in modules:
            del module.forward
