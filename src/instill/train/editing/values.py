"""Which output of a layer, where the subject ends, makes a model say the new value: found by descent on that output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from instill.train.editing.closed_forms import anchored
from instill.train.editing.edit_prompts import Placed, batch
from instill.train.generator.loop.layers import decoder
from instill.train.generator.loop.loss import logits_of

STEPS, RATE, DECAY, ESSENCE = 25, 0.5, 0.0, 0.0625


def solve(
    model: Any,
    module: Any,
    rows: Sequence[Placed],
    pad: int,
    given: Tensor,
    *,
    anchors: Tensor,
    most: float,
    steps: int = STEPS,
    rate: float = RATE,
) -> Tensor:
    """The values `(edits, out)` for which the replies are likeliest, none longer than `most` times its anchor.

    Meng et al. 2022, section 3.1, equation 4: the loss is that of the reply, averaged over contexts, and how far the
    model's next token after the subject moves. The model does not change.

    Args:
        given: `(edits, out)`: what the layer gives now; the descent begins there.
        anchors: `(edits, out)`: what the original model gives.
    """
    ids, mask, targets = batch(rows, pad)
    numbers = torch.tensor([row.edit for row in rows])
    place = torch.tensor([row.at for row in rows])
    each = torch.arange(len(rows))
    asked = targets[:, 1:] != -100
    wanted, row = targets[:, 1:][asked], asked.nonzero()[:, 0]
    more = torch.zeros_like(given, requires_grad=True)
    scale = float(anchors.norm(dim=1).mean())
    optimiser = torch.optim.Adam([more], lr=rate * scale / given.shape[1] ** 0.5)
    first: Tensor | None = None

    def add(_: Any, __: Any, output: Tensor) -> Tensor:
        changed = output.clone()
        changed[each, place] = output[each, place] + more[numbers]
        return changed

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    handle = module.register_forward_hook(add)
    try:
        with torch.enable_grad():
            for _ in range(steps):
                optimiser.zero_grad()
                hidden = decoder(model)(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
                loss = functional.cross_entropy(logits_of(model, hidden[:, :-1][asked]), wanted, reduction="none")
                said = loss.new_zeros(len(rows)).index_add(0, row, loss) / asked.sum(1)
                after = functional.log_softmax(logits_of(model, hidden[each, place]), -1)
                first = after.detach() if first is None else first
                moved = functional.kl_div(after, first, log_target=True, reduction="none").sum(1)
                (said + ESSENCE * moved).sum().backward()
                optimiser.step()
                with torch.no_grad():
                    more.copy_(anchored(given + more, anchors, most) - given)
    finally:
        handle.remove()
        for parameter in trained:
            parameter.requires_grad_(True)
    return (given + more).detach()
