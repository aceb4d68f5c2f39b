"""The reader while it is trained: a transformer with a span head on its tokens and two yes-or-no heads on its first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel

from instill.train.reader.examples import IGNORED, UNMARKED, Example


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples of about one length: int64 `(rows, tokens)` and per-row targets.

    `spans` is True where an answer may start or end: the passage's tokens, and place 0, which means "no answer".
    """

    ids: Tensor
    attended: Tensor
    spans: Tensor
    start: Tensor
    end: Tensor
    answerable: Tensor
    relevant: Tensor


class ReaderModel(nn.Module):
    """Scores of a question and a passage.

    The word and position tables are not trained: a few thousand articles would move the words that they hold and leave
    the others behind.

    Args:
        folder: a transformers folder with safetensors (the encoder's).
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        # Dropout off: on CPUs its random numbers cost more than the layers; the perturbed examples regularise instead.
        self.trunk = AutoModel.from_pretrained(
            folder,
            use_safetensors=True,
            attn_implementation="eager",
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            add_pooling_layer=False,
        )
        self.trunk.embeddings.requires_grad_(False)
        width = self.trunk.config.hidden_size
        self.span = nn.Linear(width, 2)
        self.inner = nn.Linear(width, width)
        self.verdict = nn.Linear(width, 2)
        for head in (self.span, self.inner, self.verdict):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)

    def forward(self, ids: Tensor, attended: Tensor) -> tuple[Tensor, Tensor]:
        """`(rows, tokens, 2)` start and end scores, and `(rows, 2)` answerable and relevant, all as logits."""
        hidden = self.trunk(input_ids=ids, attention_mask=attended).last_hidden_state.float()
        return self.span(hidden), self.verdict(torch.tanh(self.inner(hidden[:, 0])))

    def loss(self, batch: Batch) -> Tensor:
        """Per row: cross-entropy of start and end with "no answer" at place 0, and of the two verdicts; their sum."""
        spans, verdicts = self(batch.ids, batch.attended)
        spans = spans.masked_fill(~batch.spans[:, :, None], -1e4)
        start = _span(spans[:, :, 0], batch.start)
        end = _span(spans[:, :, 1], batch.end)
        return (
            (start + end) / 2
            + _verdict(verdicts[:, 0], batch.answerable)
            + 0.5 * _verdict(verdicts[:, 1], batch.relevant)
        )


def length_class(tokens: int) -> int:
    """Padded length of an input: the next multiple of 24."""
    return -(-tokens // 24) * 24


def make_batch(examples: Sequence[Example]) -> Batch:
    """Pad examples to the length class of the longest of them."""
    longest = length_class(max(len(example.ids) for example in examples))
    ids = torch.zeros(len(examples), longest, dtype=torch.long)
    attended = torch.zeros_like(ids)
    spans = torch.zeros(ids.shape, dtype=torch.bool)
    for row, example in enumerate(examples):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        attended[row, : len(example.ids)] = 1
        spans[row, example.first : example.first + example.count] = True
    spans[:, 0] = True
    columns = {
        name: torch.tensor([getattr(example, name) for example in examples])
        for name in ("start", "end", "answerable", "relevant")
    }
    return Batch(ids, attended, spans, **columns)


def trained_tensors(model: ReaderModel) -> Mapping[str, nn.Parameter]:
    """The parameters that change, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def _span(scores: Tensor, wanted: Tensor) -> Tensor:
    """Mean cross-entropy over the rows whose answer's place is known; 0 where there is none."""
    known = (wanted != UNMARKED).sum().clamp(min=1)
    return functional.cross_entropy(scores, wanted, ignore_index=UNMARKED, reduction="sum") / known


def _verdict(logits: Tensor, wanted: Tensor) -> Tensor:
    known = wanted != IGNORED
    losses = functional.binary_cross_entropy_with_logits(logits, wanted.clamp(min=0), reduction="none")
    return (losses * known).sum() / known.sum().clamp(min=1)
