"""Our side of `bench/train.py`: the loop that recipes run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from train_arms import Arm, Turns, Work, method_of

from instill.models.generators.transformers_models import open_model
from instill.train.generator.loop.frozen_cache import FrozenCache
from instill.train.generator.loop.loop import train, uses_bf16
from instill.train.generator.methods.methods import frozen_layers, prepare
from instill.train.generator.recipes.training_section import Hyperparameters


class Ours:
    """Our loop on the rows.

    Args:
        caches: a folder for the caches of frozen layers.
    """

    def __init__(self, arm: Arm, work: Work, caches: Path) -> None:
        model = open_model(Path(work.folder) / "model")
        method = method_of(arm, model)
        torch.manual_seed(0)
        self.model = prepare(model, method)
        self._below = frozen_layers(self.model, method)
        self._arm, self._work, self._caches = arm, work, caches
        self._count = 0
        self._cache: Any = None

    def upper(self, model: Any, batch: Any) -> Any:
        """The cache that is in use, as `lower` of the loop."""
        return self._cache.upper(model, batch)

    def new_cache(self) -> None:
        """Begin with an empty cache."""
        self.close()
        precision = "bf16" if uses_bf16(self._work.precision) else "fp32"
        self._cache = FrozenCache(self._caches / str(self._count), self.model, self._below, precision=precision)
        self._count += 1

    def close(self) -> None:
        if self._cache is not None:
            self._cache.close()

    def chosen(self, *, epochs: int, **others: Any) -> Any:
        """Settings of the loop."""
        work = self._work
        return Hyperparameters(
            **{
                "epochs": epochs,
                "learning_rate": work.rate,
                "batch_size": work.batch,
                "packing": self._arm.packing,
                "pack_width": work.width,
                "warmup": 0.0,
                "precision": work.precision,
                **others,
            }
        )

    def losses(self, *, epochs: int, **others: Any) -> list[float]:
        """Train, and give the loss of each step."""
        summed: list[float] = [0.0]
        if self._arm.cached:
            self.new_cache()
        self._train(self.chosen(epochs=epochs, **others), lambda entry: summed.append(entry.loss * entry.step))
        return [float(each) for each in np.diff(summed)]

    def epochs(self, turns: Turns) -> None:
        """Train as many epochs as there are turns, each timed."""
        parts = len(self._arm.parts)
        chosen = self.chosen(epochs=parts * (1 + self._work.rounds))
        steps = -(-len(self._work.examples()) // chosen.batch_size)

        def after(entry: Any) -> None:
            if entry.step % steps == 0:
                turns.end(entry.loss)
                if self._arm.cached and turns.first_part and entry.step < entry.steps:
                    self.new_cache()

        if self._arm.cached:
            self.new_cache()
        self._train(chosen, after)

    def _train(self, chosen: Any, after: Callable[[Any], None]) -> None:
        examples = self._work.examples()
        train(
            self.model,
            lambda _: examples,
            chosen,
            self._caches,
            identity="bench",
            lower=self if self._arm.cached else None,
            save_every=0,
            progress=after,
        )
