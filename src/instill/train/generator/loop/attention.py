"""Attention on a CPU, where everything else is bfloat16: in float32, and of packed rows each example by itself.

The bfloat16 kernels are the slower ones there, and a mask makes a kernel compute what it then hides: with eight
examples in a row, seven eighths of it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

_NAME = "instill_float32"

Pieces = tuple[tuple[int, bool], ...]
"""Tokens of all rows, end to end, as pieces that see nothing of each other: how many tokens, and whether each of these
sees itself only (padding)."""


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
            AttentionMaskInterface.register(_NAME, _mask)
            self._model.set_attn_implementation(_NAME)

    def __exit__(self, *_: object) -> None:
        if self._model.config._attn_implementation == _NAME:
            self._model.set_attn_implementation("sdpa")


def pieces_of(mask: Tensor) -> Pieces | None:
    """The pieces that a mask tells apart; None where it hides anything else, such as what a sliding window has left.

    Args:
        mask: bool `(rows, 1, tokens, tokens)`, true where a token (third) sees another (fourth).

    Example:
        >>> seen = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=torch.bool)
        >>> pieces_of(seen[None, None])
        ((2, False), (2, True))
    """
    rows, count = mask.shape[0], mask.shape[-1]
    if mask.dtype != torch.bool or mask.shape != (rows, 1, count, count):
        return None
    place = torch.arange(count, device=mask.device)
    first = mask[:, 0].to(torch.uint8).argmax(-1)
    begins = first == place
    unbroken = begins[:, 1:] | (first[:, 1:] == first[:, :-1])
    expected = (place >= first[..., None]) & (place <= place[:, None])
    if not (bool(begins[:, 0].all()) and bool(unbroken.all()) and torch.equal(mask[:, 0], expected)):
        return None
    starts = begins.flatten().nonzero().flatten().tolist()
    lengths = [end - start for start, end in zip(starts, [*starts[1:], rows * count], strict=True)]
    found: list[tuple[int, bool]] = []
    for length in lengths:
        alone = length == 1
        if alone and found and found[-1][1]:
            length += found.pop()[0]
        found.append((length, alone))
    return tuple(found)


def _mask(*given: Any, **options: Any) -> Tensor | None:
    mask: Tensor | None = sdpa_mask(*given, **options)
    if mask is not None:
        mask.pieces = pieces_of(mask)  # type: ignore[attr-defined, unused-ignore]
    return mask


def _attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **options: Any
) -> tuple[Tensor, Any]:
    pieces: Pieces | None = getattr(mask, "pieces", None)
    if query.shape[2] != key.shape[2] or options.get("position_bias") is not None:
        pieces = None
    # Autocast would turn the inputs back into bfloat16.
    with torch.autocast(query.device.type, enabled=False):
        states = query.float(), key.float(), value.float()
        if pieces is None:
            found, weights = sdpa_attention_forward(module, *states, mask, **options)
        else:
            found, weights = _of_pieces(module, *states, pieces, **options), None
    return found.to(query.dtype), weights


def _of_pieces(module: Any, query: Tensor, key: Tensor, value: Tensor, pieces: Pieces, **options: Any) -> Tensor:
    """Like sdpa's, `(rows, tokens, heads, width of a head)`."""
    lengths = [length for length, _ in pieces]
    # Split once, not sliced: a slice's gradient is as large as the whole.
    parts = [each.transpose(1, 2).flatten(0, 1).split(lengths) for each in (query, key, value)]
    repeats = query.shape[1] // key.shape[1]
    found = []
    for (_, alone), *part in zip(pieces, *parts, strict=True):
        if alone:
            found.append(part[2].repeat_interleave(repeats, 1))
            continue
        own = (each.transpose(0, 1)[None] for each in part)
        found.append(sdpa_attention_forward(module, *own, None, **options)[0][0])
    return torch.cat(found).view(query.shape[0], query.shape[2], *found[0].shape[1:])
