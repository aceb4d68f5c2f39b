"""What a model says on rows, how likely it finds what it should say, and how far it has moved from its base."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from instill.common.progress_watch import Counted, nobody
from instill.train.gate.base_measurements import MOST_BYTES, Kept
from instill.train.gate.rows import GateRows
from instill.train.generator.data.examples import Example, make_examples, prompt_ids
from instill.train.generator.loop.batches import Batch, padded
from instill.train.generator.loop.layers import decoder
from instill.train.generator.loop.loss import CHUNK, logits_of
from instill.train.generator.loop.replies import log_likelihoods, replies

_TOKENS = 8192
_FEWEST_TOKENS = 4
_LONGEST = 4096  # Tokens of a row that are read; a whole book as one retention row would not fit.


class Probe:
    """A model under examination. What was asked is remembered, and of a base kept for the next candidate.

    Args:
        model: a causal model of transformers; it is not changed.
        max_tokens: longer replies are cut.
        kept: where results are kept; None: in memory only.
        told: how many of the rows are replied to; a gate may take longer than the training.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        max_tokens: int = 64,
        kept: Kept | None = None,
        told: Counted = nobody,
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self._max_tokens, self._told = max_tokens, told
        self._kept = kept
        self._known: dict[str, list[Any]] = {}
        parameter = next(model.parameters())
        # A CPU and a GPU, or two precisions, do not give the same to the last bit.
        self._where = f"{parameter.device.type}-{str(parameter.dtype).removeprefix('torch.')}"

    def tell(self, done: int, of: int) -> None:
        """Say how much of something longer is done, such as turns of conversations."""
        self._told(done, of)

    def replies(self, rows: GateRows) -> list[str]:
        """The reply to each row's prompt."""
        return self._once(f"said{self._max_tokens}", rows, lambda: self._replies(rows))

    def log_likelihoods(self, rows: GateRows) -> list[tuple[float, int]]:
        """Of each row: the sum of the log-probabilities of its supervised tokens, in nats, and how many they are."""
        found = self._once("likelihoods", rows, lambda: log_likelihoods(self.model, self._examples(rows)))
        return [(float(total), int(count)) for total, count in found]

    def likelihoods_of(self, rows: GateRows, said: Sequence[str], *, last: int | None = None) -> list[float]:
        """Mean log-probability per token of each text as the reply to its row; nan where it has fewer than four.

        Args:
            last: of the last so many tokens only; nan where the text has no more than these.
        """
        examples = []
        for number, (row, text) in enumerate(zip(rows.rows, said, strict=True)):
            asked = prompt_ids(row.prompt, self.tokenizer, tools=row.tools)[-_LONGEST:]
            reply = np.asarray(self.tokenizer(text, add_special_tokens=False)["input_ids"], np.int32)[:_LONGEST]
            first = len(asked) if last is None else len(asked) + max(0, len(reply) - last)
            supervised = np.arange(len(asked) + len(reply)) >= max(1, first)
            supervised &= last is None or len(reply) > last
            examples.append(Example(np.concatenate([asked, reply]), supervised, number))
        found = log_likelihoods(self.model, examples)
        return [total / count if count >= _FEWEST_TOKENS else float("nan") for total, count in found]

    def divergences(self, base: Probe, rows: GateRows) -> list[tuple[float, int]]:
        """Of each row: KL(base || this) summed over its supervised tokens, in nats, and how many they are.

        It is exactly 0 for the base itself.
        """
        batches = list(padded(self._examples(rows), _TOKENS))
        found: list[tuple[float, int]] = [(0.0, 0)] * len(rows)
        with torch.inference_mode():
            for batch, states in zip(batches, base._base_states(rows, batches), strict=True):
                each = self._divergences(base.model, states, self._states(batch))
                numbers = batch.numbers
                sums = torch.zeros(len(batch.examples), dtype=torch.float64).index_add_(0, numbers, each)
                counts = torch.bincount(numbers, minlength=len(batch.examples))
                for example, total, count in zip(batch.examples, sums.tolist(), counts.tolist(), strict=True):
                    found[example.number] = (total, count)
        return found

    def _replies(self, rows: GateRows) -> list[str]:
        found = [""] * len(rows)
        done = 0
        for tools, places in _by_tools(rows).items():

            def told(count: int, _: int, before: int = done) -> None:
                self._told(before + count, len(rows))

            prompts = [rows.rows[place].prompt for place in places]
            said = replies(
                self.model,
                self.tokenizer,
                prompts,
                max_tokens=self._max_tokens,
                tools=tuple(json.loads(tools)),
                told=told,
            )
            done += len(places)
            for place, reply in zip(places, said, strict=True):
                found[place] = reply
        return found

    def _divergences(self, base: Any, theirs: Tensor, own: Tensor) -> Tensor:
        """Float64 `(targets,)`, on the CPU."""
        parts = [torch.zeros(0, dtype=torch.float64)]
        theirs = theirs.to(next(base.parameters()).device)
        for start in range(0, len(own), CHUNK):
            wanted = functional.log_softmax(logits_of(base, theirs[start : start + CHUNK]), -1).to(own.device)
            said = functional.log_softmax(logits_of(self.model, own[start : start + CHUNK]), -1)
            shares = wanted.exp()
            # A word of no probability adds nothing, where the difference of the logarithms would be no number.
            terms = torch.where(shares > 0, shares * (wanted - said), 0.0)
            parts.append(terms.sum(-1).clamp_min(0).double().cpu())
        return torch.cat(parts)

    def _base_states(self, rows: GateRows, batches: Sequence[Batch]) -> Iterable[Tensor]:
        width = self.model.get_output_embeddings().weight.shape[1]
        if self._kept is None or 4 * width * sum(len(batch.targets) for batch in batches) > MOST_BYTES:
            return (self._states(batch) for batch in batches)
        name = self._name("states", rows)
        found = self._kept.tensors(name, len(batches))
        if found is None or any(len(each) != len(batch.targets) for each, batch in zip(found, batches, strict=True)):
            found = [self._states(batch).cpu() for batch in batches]
            self._kept.keep_tensors(name, found)
        return found

    def _states(self, batch: Batch) -> Tensor:
        """The last hidden states before the targets, `(targets, width)`."""
        batch = batch.to(next(self.model.parameters()).device)
        made = decoder(self.model)(input_ids=batch.ids, position_ids=batch.positions, use_cache=False)
        states: Tensor = made.last_hidden_state.flatten(0, 1)[batch.places]
        return states

    def _examples(self, rows: GateRows) -> list[Example]:
        return make_examples(rows.rows, self.tokenizer, longest=_LONGEST)

    def _once(self, what: str, rows: GateRows, measure: Callable[[], list[Any]]) -> list[Any]:
        name = self._name(what, rows)
        if name not in self._known:
            found = self._kept.values(name, len(rows)) if self._kept is not None else None
            if found is None:
                found = measure()
                if self._kept is not None:
                    self._kept.keep_values(name, found)
            self._known[name] = found
        return self._known[name]

    def _name(self, what: str, rows: GateRows) -> str:
        return f"{rows.hash}-{what}-{self._where}"


def _by_tools(rows: GateRows) -> dict[str, list[int]]:
    """Places of the rows, by the tools that they may call."""
    found: dict[str, list[int]] = {}
    for place, row in enumerate(rows.rows):
        found.setdefault(json.dumps(list(row.tools)), []).append(place)
    return found
