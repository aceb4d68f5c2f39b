"""Outcomes and prompts on disk, a line each: what a comparison is proved by, and taken up from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from instill.compare.arms.protocol import Place
from instill.measure.jsonl_journal import Journal, open_journal
from instill.measure.outcomes import Outcome
from instill.models.generators.protocol import Message
from instill.study.study_set import digest

OUTCOMES_FILE, PROMPTS_FILE = "outcomes.jsonl", "compare-prompts.jsonl"


@dataclass(frozen=True, slots=True)
class Recorded:
    """An outcome, with what a reader of it has to know.

    Args:
        error: why the arm gave no answer; "" when it gave one.
        estimated: whether its tokens were counted with the encoder's tokenizer.
        notices: of the arm.
    """

    outcome: Outcome
    error: str = ""
    estimated: bool = False
    notices: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        return self.outcome.task, self.outcome.item, self.outcome.arm


Key = tuple[str, str, str]
"""Task, item, arm."""

_RECORDED = TypeAdapter(Recorded)


class StoredOutcomes:
    """What was recorded so far. Open with `open_outcomes`."""

    def __init__(self, outcomes: Journal, prompts: Journal) -> None:
        self._outcomes, self._prompts = outcomes, prompts
        self._known: dict[Key, Recorded] = {}
        for place, line in outcomes.lines:
            try:
                found = _RECORDED.validate_python(line)
            except ValidationError as error:
                raise outcomes.damaged(place) from error
            self._known[found.key] = found
        self._logged = {str(line.get("id")) for _, line in prompts.lines}

    def get(self, task: str, item: str, arm: str) -> Recorded | None:
        """What was recorded last of this, if anything."""
        return self._known.get((task, item, arm))

    def add(self, recorded: Recorded) -> None:
        """Keep an outcome; it is on the disk afterwards."""
        self._outcomes.add(_RECORDED.dump_python(recorded, mode="json"))
        self._known[recorded.key] = recorded

    def log_prompt(
        self, arm: str, item: str, messages: Sequence[Message], passages: Sequence[Place] | None = None
    ) -> str:
        """Keep a prompt; its id, a hash of arm, item and messages."""
        said = [dict(message) for message in messages]
        id_ = digest([arm, item, said])
        if id_ not in self._logged:
            line: dict[str, Any] = {"id": id_, "arm": arm, "item": item, "messages": said}
            if passages is not None:
                line["passages"] = [[place.doc_id, place.start, place.end] for place in passages]
            self._prompts.add(line)
            self._logged.add(id_)
        return id_


@contextmanager
def open_outcomes(folder: Path, identity: str) -> Iterator[StoredOutcomes]:
    """The outcomes and prompts in `folder`, made if they are not there; no other process can open them meanwhile.

    Args:
        identity: names study set, questions and how they are asked; a folder of another identity is refused.

    Raises:
        WorkspaceError: a file is damaged, belongs to something else, or another process has it open.
    """
    with (
        _open(folder / OUTCOMES_FILE, identity, "an outcome of a comparison") as outcomes,
        _open(folder / PROMPTS_FILE, identity, "a prompt of a comparison") as prompts,
    ):
        yield StoredOutcomes(outcomes, prompts)


def read_prompts(folder: Path, identity: str) -> list[dict[str, Any]]:
    """The logged prompts, oldest first.

    Raises:
        WorkspaceError: as `open_outcomes`.
    """
    with _open(folder / PROMPTS_FILE, identity, "a prompt of a comparison") as prompts:
        return [line for _, line in prompts.lines]


def _open(file: Path, identity: str, noun: str) -> AbstractContextManager[Journal]:
    return open_journal(file, identity, noun=noun, work="running this comparison")
