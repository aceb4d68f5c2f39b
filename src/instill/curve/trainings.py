"""The trainings of a data curve: each trains on a part of the rows, and asks the questions."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instill.common.made_from import keep_beside
from instill.curve.material import By, Material, draw

if TYPE_CHECKING:
    from instill.train.generator.run import Prepared

_MOST_TAUGHT = 50  # Taught rows that are asked beside the questions.


class Trainings:
    """Trains and asks, and keeps in `beside` what else was asked: taught rows and controls.

    Args:
        home: a training that was stopped is taken up in its folder `runs`.
        identity: of the curve, see `identity_of`.
        step: is told (rows, seed, steps done, steps in all).
    """

    def __init__(
        self,
        home: Path,
        material: Material,
        prepared: Prepared,
        by: By,
        identity: str,
        step: Callable[[int, int, int, int], None] = lambda *_: None,
    ) -> None:
        self._home, self._material, self._prepared, self._by, self._step = home, material, prepared, by, step
        self._runs = f"curve-{identity}"
        self.beside: dict[tuple[int, int], dict[str, Any]] = {}

    def run(self, size: int, seed: int) -> tuple[list[float], dict[str, Any]]:
        """The score of each question, and a line for `beside`."""
        from instill.models.generators.transformers_models import open_model
        from instill.train.gate.probes import Probe
        from instill.train.gate.rows import GateRows, as_gate_rows
        from instill.train.generator.run import fit

        started = time.perf_counter()
        material, prepared = self._material, self._prepared
        rows = draw(material, size, seed, self._by)
        training = material.recipe.training.model_copy(update={"seed": seed})
        recipe = material.recipe.model_copy(update={"training": training})
        folder = self._home / "runs" / f"{self._runs}-{size}-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        keep_beside(folder, material.made_from)
        fitted = fit(
            replace(prepared, recipe=recipe, rows=tuple(rows)),
            folder,
            caches=self._home / "frozen",
            progress=lambda entry: self._step(size, seed, entry.step, entry.steps),
        )
        model = open_model(prepared.base, candidate=fitted.folder)
        probe = Probe(model, prepared.tokenizer, max_tokens=material.max_tokens)

        def ask(asked: GateRows) -> list[float]:
            if not len(asked):
                return []
            said = zip(probe.replies(asked), asked.rows, asked.accepted, strict=True)
            return [material.score(reply, row, accepted) for reply, row, accepted in said]

        taught = [row for row in rows if row.prompt and row.answer][:_MOST_TAUGHT]
        line = {
            "size": size,
            "seed": seed,
            "taught": ask(as_gate_rows(taught, prepared.tokenizer, material.asked.file)),
            "controls": ask(material.controls),
        }
        scores = ask(material.asked)
        line["seconds"] = time.perf_counter() - started
        shutil.rmtree(folder, ignore_errors=True)
        return scores, line

    def tidy(self) -> None:
        """Remove what a killed process has left of trainings that are scored."""
        for folder in (self._home / "runs").glob(f"{self._runs}-*"):
            shutil.rmtree(folder, ignore_errors=True)
