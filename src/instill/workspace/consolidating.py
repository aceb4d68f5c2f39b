"""Facts that people keep asking for into weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from instill.common.extras import extras_named
from instill.errors import UsageError
from instill.workspace.memory import Remembering

if TYPE_CHECKING:
    from instill.memory.consolidating.consolidate import Consolidated, Setting
    from instill.memory.consolidating.material import Material
    from instill.memory.consolidating.plan import Group
    from instill.memory.types import Fact


class Consolidating(Remembering):
    """What goes into weights."""

    def consolidation(
        self, *, base: str = "", replay: Path | None = None, gate: Path | None = None, seed: int = 0, epochs: int = 0
    ) -> tuple[list[tuple[Group, Material]], Setting]:
        """What `consolidate` would train now, in groups of facts with the same labels. Nothing is written.

        Args:
            base: "micro" or the folder of a model. "": the model in the settings.
            replay: rows of what the base can do and must not forget.
            gate: a gate file with more conditions.
            epochs: how often each row is seen. 0: depends on the number of rows.

        Raises:
            UsageError: the workspace is seen under labels, or the base is not named, or there is no such model.
        """
        from instill.memory.consolidating.consolidate import Setting, planned
        from instill.train.generator.recipes.base import found_base

        if self._whole is not None:
            raise UsageError("Only the owner consolidates: others use the weights too.")
        chosen = base or self.settings.generator.folder or self.settings.generator.gguf
        if not chosen:
            raise UsageError(
                "No model is named.",
                where="--base",
                remedy='Name a folder or "micro", or set generator.folder: instill consolidate --base FOLDER',
            )
        for name, file in (("replay", replay), ("gate", gate)):
            if file is not None and not file.is_file():
                raise UsageError("There is no file at this path.", where=f"--{name} {file}")
        named = found_base(chosen)
        setting = Setting(base=named, replay=replay, gate=gate, seed=seed, epochs=epochs, listed=self._listed())
        return planned(self.home, self.memory().facts(), self.index, setting), setting

    @extras_named()
    def consolidate(
        self,
        *,
        base: str = "",
        replay: Path | None = None,
        gate: Path | None = None,
        seed: int = 0,
        epochs: int = 0,
        stage: Callable[[str], None] = lambda _: None,
    ) -> list[Consolidated]:
        """Train all candidates, together with the facts that are in weights already, from the base; one adapter for
        each set of labels. An adapter that passes is in use from now on.

        Args:
            base, replay, gate, seed, epochs: see `consolidation`.
            stage: called with the name of each step when it begins.

        Raises:
            UsageError: see `consolidation`; or one of the files cannot be used.
            WorkspaceError: the workspace cannot be written, or another process is training the same.
        """
        from dataclasses import replace

        from instill.memory.consolidating.consolidate import consolidate
        from instill.memory.editing.dissolving import dissolve

        self._must_be_writable()
        groups, setting = self.consolidation(base=base, replay=replay, gate=gate, seed=seed, epochs=epochs)
        told = replace(setting, stage=stage)
        found = [consolidate(self.home, group, material, told) for group, material in groups]
        dissolve(self.home, self.catalog, found)
        self.refresh()
        return found

    def _listed(self) -> Callable[[Fact], Sequence[str]]:
        """Questions that edits came with, and the generator's, where that was trained to list them."""
        from instill.memory.editing.record import read_edits
        from instill.models.generators.protocol import skilled
        from instill.study.questions_about_any_text import questions_with_answer

        edited = {
            each.fact_id: each.wordings for each in read_edits(self.catalog) if each.state in ("in force", "not in use")
        }
        writer = skilled(self.generator, "questions")
        if writer is None:
            return lambda fact: edited.get(fact.fact_id, ())

        def questions(fact: Fact) -> list[str]:
            _, found = questions_with_answer(writer, fact.title, fact.evidence, fact.answer)
            return [*edited.get(fact.fact_id, ()), *found]

        return questions
