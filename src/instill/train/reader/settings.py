"""What a training run of the reader is set to. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReaderHyperparameters:
    """What decides the weights besides the rows.

    Args:
        batch_tokens: tokens of a batch with padding; about 32 rows.
        head_rate: learning rate of the new heads as a multiple of the trunk's.
        warmup: share of all steps over which the learning rate rises from 0; it falls to 0 in a line after that.
    """

    epochs: int = 2
    batch_tokens: int = 5300
    learning_rate: float = 1.5e-4
    head_rate: float = 5.0
    warmup: float = 0.06
    weight_decay: float = 0.01
    clip: float = 1.0
    seed: int = 0
