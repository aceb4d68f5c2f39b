"""Distillation: what the base says with the passage before it, so that a student learns to say it without.

The teacher's likeliest words for each token of the replies are stored once; every epoch learns from them. (Context
distillation: Snell, Klein and Zhong, "Learning by distilling context", 2022.)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import Tensor

from instill.common.durable_files import in_place_of
from instill.errors import UsageError
from instill.train.generator.data.examples import Example, make_example
from instill.train.generator.data.rows import Row
from instill.train.generator.loop import processes
from instill.train.generator.loop.batches import Batch, padded
from instill.train.generator.loop.layers import decoder
from instill.train.generator.loop.loss import CHUNK, distillation_loss, logits_of

_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class Taught:
    """The teacher's likeliest words for every supervised token of every row.

    Args:
        words: int32 `(tokens, k)`, likeliest first.
        shares: float32 `(tokens, k)`, their probabilities.
        starts: int64 `(rows + 1,)`: the tokens of row `n` are `starts[n]` to `starts[n + 1]`.
        temperature: that the probabilities were taken at.
    """

    words: NDArray[np.int32]
    shares: NDArray[np.float32]
    starts: NDArray[np.int64]
    temperature: float

    def objective(self, model: Any, hidden: Tensor, batch: Batch) -> Tensor:
        """The loop's objective: the divergence of the student from what is stored."""
        places = np.concatenate([np.arange(*self.starts[each.number : each.number + 2]) for each in batch.examples])
        words = torch.from_numpy(self.words[places].astype(np.int64)).to(hidden.device)
        shares = torch.from_numpy(self.shares[places]).to(hidden.device)
        return distillation_loss(model, hidden, words, shares, temperature=self.temperature)


def teach(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Row],
    examples: Sequence[Example],
    *,
    top_k: int,
    temperature: float = 1.0,
    file: Path | None = None,
    identity: str = "",
) -> Taught:
    """Ask the teacher.

    Args:
        model: the base, or the candidate that is trained on, as it is before anything is trained.
        rows: a row with `teacher` messages is taught from these; another from its own prompt, which keeps the student
            near the base.
        examples: of the rows as the student reads them, numbered like the rows.
        file: where the result is kept; one that is there and has the same identity is used.

    Raises:
        UsageError: with the passage before it, a reply would be cut into other tokens, or what is taught is not one
            last reply.
    """
    kept = _kept(file, identity, temperature)
    if kept is not None:
        return kept
    readings = [_reading(row, example, tokenizer) for row, example in zip(rows, examples, strict=True)]
    starts = np.cumsum([0, *(each.targets for each in readings)])
    k = min(top_k, len(tokenizer))
    words = np.zeros((int(starts[-1]), k), np.int32)
    shares = np.zeros((int(starts[-1]), k), np.float32)
    device = next(model.parameters()).device
    with torch.inference_mode():
        for batch in padded(readings, _TOKENS):
            batch = batch.to(device)
            run = decoder(model)(input_ids=batch.ids, position_ids=batch.positions, use_cache=False)
            states = run.last_hidden_state.flatten(0, 1)[batch.places]
            places = np.concatenate([np.arange(*starts[each.number : each.number + 2]) for each in batch.examples])
            for start in range(0, len(states), CHUNK):
                logits = logits_of(model, states[start : start + CHUNK]) / temperature
                found, chosen = torch.softmax(logits, -1).topk(k)
                words[places[start : start + CHUNK]] = chosen.cpu().numpy()
                shares[places[start : start + CHUNK]] = found.cpu().numpy()
    if file is not None and processes.is_first():
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        with in_place_of(file, draft):
            save_file({"words": words, "shares": shares, "starts": starts}, draft, {"identity": identity})
    return Taught(words, shares, starts, temperature)


def _reading(row: Row, example: Example, tokenizer: Any) -> Example:
    """The row as the teacher reads it: its own messages, then the same reply; the same tokens are supervised."""
    if not row.teacher:
        return example
    reply = {"role": "assistant", "content": row.answer}
    read = make_example(replace(row, messages=(*row.teacher, reply)), tokenizer, number=example.number)
    said = read.ids[np.flatnonzero(read.supervised)]
    # Replies of the teacher's own messages are not what is taught: only the last ones count.
    wanted = example.ids[np.flatnonzero(example.supervised)]
    if len(said) < len(wanted) or not np.array_equal(said[len(said) - len(wanted) :], wanted):
        raise UsageError(
            "The teacher does not read the same reply as the student.",
            where=row.place,
            remedy="Let `teacher` be the messages up to the reply, with the passage, and teach one reply a row.",
        )
    supervised = read.supervised.copy()
    supervised[np.flatnonzero(supervised)[: len(said) - len(wanted)]] = False
    return Example(read.ids, supervised, example.number)


def _kept(file: Path | None, identity: str, temperature: float) -> Taught | None:
    if file is None or not file.exists():
        return None
    try:
        with safe_open(file, "np") as found:
            if (found.metadata() or {}).get("identity") != identity:
                return None
            parts = [found.get_tensor(name) for name in ("words", "shares", "starts")]
    except (OSError, SafetensorError):
        return None  # Damaged: it is made anew.
    return Taught(parts[0], parts[1], parts[2], temperature)
