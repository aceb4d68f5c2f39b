"""The loss at the supervised positions, a chunk of them at a time, so that the logits of all are never there at once.

For a vocabulary of 150,000 the logits of 8,000 tokens are 5 GB. Here a chunk's logits are made, its gradient is taken
at once, and only the gradients of hidden states and output matrix are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

CHUNK = 2048
"""Supervised positions whose logits are in memory at one time."""

ChunkLoss = Callable[[Tensor, slice], Tensor]
"""Logits, float32 `(positions, words)`, and which positions these are -> the sum of their losses."""


def next_token_loss(model: Any, hidden: Tensor, targets: Tensor) -> Tensor:
    """Sum of the cross-entropies of `targets`.

    Args:
        model: a causal model of transformers; its output layer is used.
        hidden: `(targets, width)`, the last hidden states at the positions before the targets.
        targets: int64 `(targets,)`.
    """

    def chunk_loss(logits: Tensor, part: slice) -> Tensor:
        return functional.cross_entropy(logits, targets[part], reduction="sum")

    return chunked_loss(model, hidden, chunk_loss)


def distillation_loss(model: Any, hidden: Tensor, words: Tensor, shares: Tensor, *, temperature: float = 1.0) -> Tensor:
    """Sum of the Kullback-Leibler divergences from a teacher's likeliest words to the student.

    The teacher's probability outside of its `k` likeliest words counts as one further word, against which stands all
    that the student gives to other words. (Hinton et al., "Distilling the knowledge in a neural network", 2015.)

    Args:
        words: int64 `(targets, k)`.
        shares: float32 `(targets, k)`, their probabilities; a row sums to at most 1.
        temperature: by which the logits of both are divided; the loss is multiplied by its square, so that its
            gradients keep their size.
    """

    def chunk_loss(logits: Tensor, part: slice) -> Tensor:
        said = functional.log_softmax(logits / temperature, dim=-1).gather(1, words[part])
        taught = shares[part]
        rest = (1 - taught.sum(1)).clamp_min(0)
        left = torch.log1p(-said.exp().sum(1).clamp_max(1 - 1e-6))
        kept = taught * (taught.clamp_min(1e-12).log() - said)
        return temperature**2 * (kept.sum() + (rest * (rest.clamp_min(1e-12).log() - left)).sum())

    return chunked_loss(model, hidden, chunk_loss)


def logits_of(model: Any, hidden: Tensor) -> Tensor:
    """Float32 logits for hidden states, with what some architectures do to them."""
    logits = model.get_output_embeddings()(hidden).float()
    config = model.config.get_text_config()
    scale = getattr(config, "logit_scale", None)  # Cohere
    if scale:
        logits = logits * scale
    divisor = getattr(config, "logits_scaling", None)  # Granite
    if divisor:
        logits = logits / divisor
    cap = getattr(config, "final_logit_softcapping", None)  # Gemma
    return cap * torch.tanh(logits / cap) if cap else logits


def chunked_loss(model: Any, hidden: Tensor, chunk_loss: ChunkLoss, *, size: int = CHUNK) -> Tensor:
    """The sum of `chunk_loss` over all positions, with gradients for `hidden` and what is trained of the output."""
    trained = [parameter for parameter in _output_parameters(model) if parameter.requires_grad]

    def of_chunk(states: Tensor, part: slice) -> Tensor:
        return chunk_loss(logits_of(model, states), part)

    if not torch.is_grad_enabled():
        total = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, len(hidden), size):
            part = slice(start, start + size)
            total = total + of_chunk(hidden[part], part)
        return total
    loss: Tensor = _Chunked.apply(of_chunk, size, hidden, *trained)
    return loss


def _output_parameters(model: Any) -> Sequence[nn.Parameter]:
    return list(model.get_output_embeddings().parameters())


class _Chunked(torch.autograd.Function):
    """Takes each chunk's gradient in the forward pass, and hands the sums on in the backward pass."""

    @staticmethod
    def forward(ctx: Any, of_chunk: Callable[..., Tensor], size: int, hidden: Tensor, *trained: Tensor) -> Tensor:
        wanted = hidden.requires_grad
        gradient = torch.zeros_like(hidden) if wanted else None
        sums = [torch.zeros_like(parameter, dtype=torch.float32) for parameter in trained]
        total = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, len(hidden), size):
            part = slice(start, start + size)
            with torch.enable_grad():
                states = hidden[part].detach().requires_grad_(wanted)
                loss = of_chunk(states, part)
                inputs = [*([states] if wanted else []), *trained]
                found = torch.autograd.grad(loss, inputs) if inputs else ()
            total = total + loss.detach()
            rest = list(found)
            if gradient is not None:
                gradient[part] = rest.pop(0)
            for kept, new in zip(sums, rest, strict=True):
                kept += new
        ctx.found = (gradient, [kept.to(parameter.dtype) for kept, parameter in zip(sums, trained, strict=True)])
        return total

    @staticmethod
    def backward(ctx: Any, *upper: Tensor) -> Any:
        gradient, sums = ctx.found
        scale = upper[0]
        return (
            None,
            None,
            None if gradient is None else gradient * scale.to(gradient.dtype),
            *(kept * scale.to(kept.dtype) for kept in sums),
        )
