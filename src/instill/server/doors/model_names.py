"""What the name of a model means: a way of answering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from instill.answer.types import Answer
from instill.answer.types import Turn as Said
from instill.models.registry.store import Registry
from instill.server.answer_queue import Turn
from instill.server.errors import Refused
from instill.server.service import Seen
from instill.workspace import AskMode, Workspace
from instill.workspace.replies import candidates_of

AUTO, QUOTED, CLUSTERS = "instill", "instill:quoted", "instill:clusters"
ENCODER = "instill:encoder"
"""For embeddings: the encoder that the index was made with."""

_MODES: dict[str, AskMode] = {AUTO: "auto", QUOTED: "extractive", CLUSTERS: "clusters"}


@dataclass(frozen=True, slots=True)
class Way:
    """A way of answering, for one caller."""

    name: str
    seen: Seen
    workspace: Workspace
    mode: AskMode

    def ask(self, question: str, history: Sequence[Said], turn: Turn | None = None) -> Answer:
        """The answer, in a turn that was waited for, or else waits for one.

        Raises:
            Refused: as `Seen.turn`.
        """
        return self.seen.answered(
            lambda put: self.workspace.ask(
                question, history=history, mode=self.mode, asked_by=self.seen.asker, on_token=put
            ),
            turn,
        )


def way_of(seen: Seen, name: str) -> Way:
    """The way that a model's name means: "instill", "instill:quoted", "instill:clusters" or "instill:CANDIDATE".

    Raises:
        Refused: there is none of this name for the caller.
    """
    mode = _MODES.get(name)
    if mode is not None:
        return Way(name, seen, seen.workspace, mode)
    candidate = name.removeprefix("instill:")
    if name in ways_of(seen):
        return Way(name, seen, seen.service.opened.with_candidate(candidate).seen_by(seen.labels), "auto")
    raise Refused(404, "There is no such model.", where=name[:100], remedy="List them: GET /v1/models")


def ways_of(seen: Seen) -> list[str]:
    """The names of all ways that the caller may choose."""
    generator = seen.workspace.settings.generator
    names = [AUTO, QUOTED, CLUSTERS]
    if generator.folder or generator.gguf:
        found = candidates_of(Registry(seen.workspace.home), seen.caller).candidates
        names += [f"instill:{each['id']}" for each in found if not each["problem"]]
    return names
