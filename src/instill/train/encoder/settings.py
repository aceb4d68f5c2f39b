"""What a training run of the encoder is set to. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """How much of what was trained is taken over: `alpha` of it, 0 to 1, in the last `layers` layers; 0: in all.

    The rest is the base's. The last layers say what a text is compared by; what a text means is mostly further down,
    and is what is forgotten first.

    Example:
        >>> str(Share(0.5, 2)), str(Share(0.25))
        ('0.5 of the last 2 layers', '0.25')
    """

    alpha: float = 0.0
    layers: int = 0

    def __str__(self) -> str:
        return f"{self.alpha:g}" + (f" of the last {self.layers} layers" if self.layers else "")


SHARES = (Share(0.25, 2), Share(0.5, 2), Share(0.25), Share(0.5), Share(0.75), Share(1.0))
"""What is tried, from near the base to far from it."""


@dataclass(frozen=True, slots=True)
class EncoderHyperparameters:
    """What decides the weights besides the rows.

    Args:
        batch: questions of a batch, each with its passage and a hard negative; every other passage of the batch is a
            negative too.
        passage_tokens: longest passage in training, special tokens included; a longer one is cut around its answer.
        steps: most steps in all; 0 for as many as the epochs have.
        scale: what cosines are multiplied by before the softmax.
        warmup: share of all steps over which the learning rate rises from 0; it falls to 0 in a line after that.
    """

    epochs: int = 1
    batch: int = 64
    passage_tokens: int = 128
    steps: int = 0
    learning_rate: float = 5e-5
    scale: float = 20.0
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    seed: int = 0
