"""First weights with which a small transformer soon learns whose fact it is.

To answer from a passage, a model finds the place where the asked-for name stands and copies what stands beside it.
That takes two attention layers that are each useless without the other, so from ordinary random weights a model of
this size showed nothing in 100,000 rows. Four changes, all of them before the first step, lay the
wiring; everything is trained from there.

- What a layer adds is small beside what it gets, so that a token can still be recognised above the first layer.
- Keys begin equal to queries, so that a token attends to others like it, and what a head reads is what it writes
  (Trockman and Kolter, "Mimetic Initialization of Self-Attention Layers", 2023).
- The first layer looks at the token before, so that every token knows what stands before it: the smeared keys of
  Olsson et al., "In-context Learning and Induction Heads", 2022, but learned on from there.
"""

from __future__ import annotations

from typing import Any

ADDED = 0.1
"""Size of what a layer adds, beside the library's first weights."""

SAME = 0.3
"""Value of the one coordinate that all tokens share, by which the first layer's heads see places and not words."""

SHARPNESS = 5.0
"""How sharply those heads look at one place: .7 of their attention lies on it."""

_QUIET = 0.3
"""How much of the first layer's attention by content is left."""


def lay_wiring(model: Any, seed: int) -> None:
    """Change the random weights of a `LlamaForCausalLM`, in place, as this file says.

    Args:
        model: with as many key heads as query heads.
        seed: of the random rotations.

    Example:
        >>> import torch
        >>> from transformers import LlamaConfig, LlamaForCausalLM
        >>> model = LlamaForCausalLM(LlamaConfig(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
        ...                                      num_attention_heads=2))
        >>> lay_wiring(model, seed=0)
        >>> attention = model.model.layers[0].self_attn
        >>> torch.allclose(attention.o_proj.weight, 0.1 * attention.v_proj.weight.T)
        True
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    width = model.config.hidden_size
    with torch.no_grad():
        for layer in model.model.layers:
            attention = layer.self_attn
            rotation, _ = torch.linalg.qr(torch.randn(width, width, generator=generator))
            attention.k_proj.weight.copy_(attention.q_proj.weight)
            attention.v_proj.weight.copy_(rotation)
            attention.o_proj.weight.copy_(ADDED * rotation.T)
            layer.mlp.down_proj.weight.mul_(ADDED)
        model.model.embed_tokens.weight[:, 0] = SAME
        _look_back(model)


def _look_back(model: Any) -> None:
    """Let the heads of the first layer attend to the token before.

    The shared coordinate gives every token the same part of its key, and the same part of its query turned by one
    token; rotary embeddings turn both by their places, so their product is largest at that distance.
    """
    import torch

    attention, config = model.model.layers[0].self_attn, model.config
    heads, half = config.num_attention_heads, config.hidden_size // config.num_attention_heads // 2
    speeds = config.rope_parameters["rope_theta"] ** (-torch.arange(half) / half)
    attention.q_proj.weight.mul_(_QUIET)
    attention.k_proj.weight.mul_(_QUIET)
    # A token comes to the layer divided by the root mean square of its coordinates.
    others = config.hidden_size * config.initializer_range**2
    strength = SHARPNESS * (SAME**2 + others) ** 0.5 / (SAME * config.hidden_size**0.5)
    used = (speeds > 0.05).float()  # Slow turns do not tell neighbours apart.
    turned = torch.cat((used * torch.cos(speeds), -used * torch.sin(speeds)))
    attention.q_proj.weight[:, 0] = strength * turned.repeat(heads)
    attention.k_proj.weight[:, 0] = strength * torch.cat((used, 0 * used)).repeat(heads)
