"""Facts that people keep asking for into weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from instill.common.extras import extras_named
from instill.common.purges import last_purge
from instill.errors import UsageError
from instill.workspace.memory import Remembering

if TYPE_CHECKING:
    from instill.memory.consolidating.beforehand import PlannedGroup
    from instill.memory.consolidating.consolidate import Consolidated, Setting
    from instill.memory.consolidating.material import Material
    from instill.memory.consolidating.plan import Group
    from instill.memory.types import Fact

_FILES = {
    "replay": "Name a JSON Lines file with rows of what the model can do, or leave the option out.",
    "gate": "Name a gate file; to begin one: instill train init FOLDER/recipe.toml",
}


class Consolidating(Remembering):
    """What goes into weights."""

    def consolidation(
        self,
        *,
        base: str = "",
        replay: Path | None = None,
        gate: Path | None = None,
        seed: int = 0,
        epochs: int = 0,
        replay_share: float | None = None,
        learning_rate: float = 0.0,
    ) -> tuple[list[tuple[Group, Material]], Setting]:
        """What `consolidate` would train now, in groups of facts with the same labels. Nothing is written.

        Args:
            base: "micro", "smollm2", a .gguf file, or the folder of a model. "": the model in the settings.
            replay: rows of what the base can do and must not forget.
            gate: a gate file with more conditions.
            epochs: how often each row is seen. 0: depends on the number of rows.
            replay_share: share of replay in what is trained, 0 to 0.9. None: 0.85. Smaller is faster, and forgets more.
            learning_rate: the highest rate of the training. 0: depends on the model.

        Raises:
            UsageError: the workspace is seen under labels, or the base is not named, or there is no such model; or a
                number is out of its range.
        """
        from instill.memory.consolidating.consolidate import Setting, planned
        from instill.memory.consolidating.plan import REPLAY_SHARE
        from instill.train.gate.specification import load_gate
        from instill.train.generator.data.rows import read_rows
        from instill.train.generator.recipes.base import found_base

        if self._whole is not None:
            raise UsageError("Only the owner consolidates: others use the weights too.")
        chosen = base or self.settings.generator.folder or self.settings.generator.gguf
        if not chosen:
            raise UsageError(
                "No model is named.",
                where="--base",
                remedy='Name a folder or "smollm2", or set generator.folder: instill consolidate --base FOLDER',
            )
        for name, file in (("replay", replay), ("gate", gate)):
            if file is not None and not file.is_file():
                raise UsageError("There is no file at this path.", where=f"--{name} {file}", remedy=_FILES[name])
        if gate is not None:
            load_gate(gate, off=self.given.plugins.off)  # Now, and not weeks later when the first fact is due.
        if replay is not None:
            read_rows(replay)
        share = REPLAY_SHARE if replay_share is None else replay_share
        for name, value, most in (("replay-share", share, 0.9), ("learning-rate", learning_rate, 1.0)):
            if not 0 <= value <= most:
                raise UsageError(f"This is not a number from 0 to {most:g}.", where=f"--{name} {value:g}")
        setting = Setting(
            base=found_base(chosen),
            replay=replay,
            gate=gate,
            seed=seed,
            epochs=epochs,
            replay_share=share,
            learning_rate=learning_rate,
            listed=self._listed(),
            since=last_purge(self.home),
        )
        return planned(self.home, self.memory().facts(asked="all"), self.index, setting), setting

    def consolidation_plan(
        self,
        *,
        base: str = "",
        replay: Path | None = None,
        gate: Path | None = None,
        seed: int = 0,
        epochs: int = 0,
        replay_share: float | None = None,
        learning_rate: float = 0.0,
    ) -> list[PlannedGroup]:
        """What `consolidate` would train now, as `--dry-run` says it: which facts would be taught, which would be left
        out and why, and which groups are too small to prove anything. Nothing is written.

        Args:
            base, replay, gate, seed, epochs, replay_share, learning_rate: see `consolidation`.

        Raises:
            UsageError: see `consolidation`.
        """
        from instill.memory.consolidating.beforehand import planned_groups

        groups, _ = self.consolidation(
            base=base,
            replay=replay,
            gate=gate,
            seed=seed,
            epochs=epochs,
            replay_share=replay_share,
            learning_rate=learning_rate,
        )
        return planned_groups(groups, replay=replay is not None)

    @extras_named()
    def consolidate(
        self,
        *,
        base: str = "",
        replay: Path | None = None,
        gate: Path | None = None,
        seed: int = 0,
        epochs: int = 0,
        replay_share: float | None = None,
        learning_rate: float = 0.0,
        stage: Callable[[str], None] = lambda _: None,
    ) -> list[Consolidated]:
        """Train all candidates, together with the facts that are in weights already, from the base; one adapter for
        each set of labels. An adapter that passes is in use from now on.

        Args:
            base, replay, gate, seed, epochs, replay_share, learning_rate: see `consolidation`.
            stage: called with the name of each step when it begins.

        Raises:
            UsageError: see `consolidation`; or one of the files cannot be used.
            WorkspaceError: the workspace cannot be written, or another process consolidates.
        """
        from dataclasses import replace

        from instill.memory.consolidating.consolidate import consolidate
        from instill.memory.consolidating.one_at_a_time import alone
        from instill.memory.editing.dissolving import dissolve

        self._must_be_writable()
        with alone(self.home):
            groups, setting = self.consolidation(
                base=base,
                replay=replay,
                gate=gate,
                seed=seed,
                epochs=epochs,
                replay_share=replay_share,
                learning_rate=learning_rate,
            )
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
