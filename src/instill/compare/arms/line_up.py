"""The arms of a comparison, made for a workspace: as they are, and with other passages, index or candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from instill.compare.arms.built_in_arms import (
    ClosedBookArm,
    GivenTo,
    PipelineArm,
    ReadingArm,
    found_passages,
    generator_with,
    oracle_passages,
    whole_documents,
)
from instill.compare.arms.one_at_a_time import OneAtATime
from instill.compare.arms.passages import Passages
from instill.compare.arms.plugged import BroughtArm
from instill.compare.arms.prompts import Instructed, Wording
from instill.compare.arms.protocol import Arm, counting_with
from instill.compare.arms.specification import ArmSpecification, Brought
from instill.compare.arms.users_arms import open_own
from instill.compare.plan import ComparePlan
from instill.compare.tuned.tuning_by_recipe import Tuned
from instill.errors import UsageError
from instill.models.generators.protocol import Generator
from instill.study.closed_book import ClosedBook
from instill.study.study_set import Fact

if TYPE_CHECKING:
    from instill.workspace import Workspace

BASE = ""
"""The generator without any candidate."""

OWN = "arm:"
"""Begins the keys of models that belong to a user's arm; no candidate's id has a colon."""


class LineUp:
    """Makes arms; of their local models one is in memory at a time.

    Args:
        facts: of the study set; their evidence may stand in no closed-book prompt.
        tuned: candidates, see `ArmSpecification.trained_as`.
    """

    def __init__(
        self, workspace: Workspace, plan: ComparePlan, facts: Sequence[Fact], tuned: Mapping[str, Tuned]
    ) -> None:
        self._workspace, self._plan, self._facts, self._tuned = workspace, plan, facts, tuned
        self._generators = OneAtATime(self._opened)

    def arm(
        self,
        name: str,
        *,
        workspace: Workspace | None = None,
        given: GivenTo | None = None,
        candidate: str | None = None,
    ) -> Arm:
        """An arm by its name.

        Args:
            workspace: another one, such as a copy with a changed document.
            given: other passages than the arm's own.
            candidate: id of another candidate than `tuned` names.

        Raises:
            UsageError: it needs a generator or a candidate that is not there.
        """
        spec = self._plan.known[name]
        if spec.brought is not None:
            return self._brought(spec, spec.brought, workspace or self._workspace, given)
        if spec.given == "nothing":
            return self._closed(spec, candidate)
        place = workspace or self._workspace
        passages = Passages(place, self._facts)
        generator = self._generator(spec, candidate)
        if given is None and spec.given == "right":
            given = oracle_passages(passages)
        if given is None and spec.given == "whole":
            given = whole_documents(passages)
        if generator is None and spec.needs_generator:
            raise UsageError("This arm needs a generator.", where=name, remedy="Set generator.folder or .base_url.")
        if generator is None or spec.asks(self._plan.pipeline):
            return PipelineArm(name, place, passages, generator=generator, given=given)
        given = given or found_passages(passages, self._plan.passages)
        return ReadingArm(name, place, generator, given, counting_with(place.encoder), wording=self._plan.wording)

    def arms(self, names: Sequence[str]) -> list[Arm]:
        """Several, as they are for the main questions."""
        return [self.arm(name) for name in names]

    def model_of(self, name: str) -> str:
        """Names the model that the arm holds; "" where it holds none."""
        spec = self._plan.known[name]
        if spec.trained_as is not None:
            return self._tuned[spec.trained_as].candidate
        if spec.own is not None or spec.brought is not None:
            return f"{OWN}{name}"
        return "base" if spec.model != "none" and has_generator(self._workspace) else ""

    def release(self) -> None:
        """Let go of the model that is in memory, before another one is opened elsewhere; the arms stay usable."""
        self._generators.release()

    def generator(self, candidate: str = BASE) -> Generator:
        """The base, or a candidate by its id; it shares the place in memory with the arms' generators."""
        return self._generators.generator(candidate)

    def _brought(self, spec: ArmSpecification, brought: Brought, workspace: Workspace, given: GivenTo | None) -> Arm:
        passages = Passages(workspace, self._facts)
        if spec.given == "nothing":
            closed = ClosedBook(fact.evidence.text for fact in self._facts)
            return BroughtArm(spec.name, workspace, brought, None, closed)
        if given is None:
            found = found_passages(passages, self._plan.passages)
            given = found if spec.given == "found" else whole_documents(passages)
        return BroughtArm(spec.name, workspace, brought, given, None)

    def _closed(self, spec: ArmSpecification, candidate: str | None) -> Arm:
        generator = self._generator(spec, candidate)
        if generator is None:
            raise UsageError(
                "This arm needs a generator.", where=spec.name, remedy="Set generator.folder or .base_url."
            )
        wording = _as_trained(self._plan.wording) if spec.trained_as else self._plan.wording
        known = (wording.instructions,) if wording.instructions else ()
        closed = ClosedBook((fact.evidence.text for fact in self._facts), known)
        return ClosedBookArm(spec.name, generator, closed, counting_with(self._workspace.encoder), wording=wording)

    def _generator(self, spec: ArmSpecification, candidate: str | None) -> Generator | None:
        """What writes the arm's answers; None where nobody does, or the workspace has no generator."""
        trained = spec.trained_as
        if trained is not None:
            if candidate is None and trained not in self._tuned:
                raise UsageError("This arm needs a candidate, and none was trained.", where=spec.name)
            return self._generators.generator(candidate or self._tuned[trained].candidate)
        if spec.own is not None:
            return self._generators.generator(f"{OWN}{spec.name}")
        if spec.model == "none" or not has_generator(self._workspace):
            return None
        return self._generators.generator(BASE)

    def _opened(self, key: str) -> Generator:
        if not key.startswith(OWN):
            return opened(self._workspace, key)
        own = self._plan.known[key.removeprefix(OWN)].own
        assert own is not None, "the key was made for an arm with a model of its own"
        return open_own(self._workspace, own)


def has_generator(workspace: Workspace) -> bool:
    """Whether a folder, a GGUF file, an endpoint or a plug-in is set."""
    return workspace.settings.generator.is_set


def opened(workspace: Workspace, key: str) -> Generator:
    """The workspace's generator: as it is for `BASE`, else with the candidate of this id.

    Raises:
        UsageError: the workspace has none, or there is no such candidate.
    """
    if workspace.settings.generator.folder or workspace.settings.generator.gguf:
        return generator_with(workspace, key or "none")
    found = None if key else workspace.generator
    if found is None:
        raise UsageError("This arm needs a local generator.", where=key or "generator", remedy="Set generator.folder.")
    return found


def _as_trained(wording: Wording) -> Wording:
    """Without instructions, as the rows of a study set are: each model is asked in the form that suits it."""
    return Instructed(instructions="", cites=wording.cites) if wording.instructions else wording
