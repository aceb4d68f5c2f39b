"""Which refused questions the documents of a caller do not answer now: they are asked again, unlogged, when it matters.

A refusal says nothing of what the documents hold today, nor of documents that the asker could not see.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from instill.errors import InstillError

if TYPE_CHECKING:
    from instill.workspace import Workspace
    from instill.workspace.asked_questions import Question

MOST_ASKED, SECONDS = 24, 2.0
"""So many questions are asked again at a time, for so long."""

AT_MOST_S = 120.0
"""For so long questions are asked beside what else is done."""

_KEPT = 2000


@dataclass(frozen=True, slots=True)
class Gap:
    """A question that is refused.

    Args:
        asked_again: whether the present documents, as the caller sees them, were asked. Otherwise only the asker's
            documents at that time are known not to answer.
    """

    question: Question
    asked_again: bool


class StillRefused:
    """Asks refused questions again, and remembers what came of it for as long as the index stays the same.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from instill.workspace import Workspace
        >>> from instill.workspace.asked_questions import Feedback
        >>> with Workspace.init(Path(tempfile.mkdtemp()) / "kb") as workspace:
        ...     refused = [workspace.ask("How hot is tea brewed?"), workspace.ask("Who drives the night train?")]
        ...     _ = workspace.add_text("# Tea\\n\\nTea is brewed at 80 degrees.", name="tea.md")
        ...     still = StillRefused().of(workspace, Feedback(workspace).newest("refused"))
        ...     [gap.question.question for gap in still]
        ['Who drives the night train?']
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[object, ...], bool] = OrderedDict()
        self._is_going_on = threading.Lock()

    def of(
        self, workspace: Workspace, refused: Iterable[Question], *, most: int = MOST_ASKED, seconds: float = SECONDS
    ) -> Iterator[Gap]:
        """Those of the questions that `workspace`, as its caller sees it, refuses too; in their order.

        Where there is no time left to ask one again, it is told if it was asked by somebody who saw what the caller
        sees, and left out otherwise.

        Args:
            most: questions that are asked again, without those whose outcome is remembered.
            seconds: after so long no other one is begun.
        """
        state = _state(workspace)
        ends = time.monotonic() + seconds
        for question in refused:
            words = question.standalone_question or question.question
            found = self._known.get((*state, words))
            if found is None and most > 0 and time.monotonic() < ends:
                most -= 1
                found = workspace._refuses(words)
                self._keep((*state, words), found)
            if found is None:
                if _saw_as_much(question, workspace):
                    yield Gap(question, False)
            elif found:
                yield Gap(question, True)

    def go_on(self, workspace: Workspace, refused: Sequence[Question], *, seconds: float = AT_MOST_S) -> None:
        """Ask in a thread what there was no time for, so that it is known the next time; one thread at a time."""
        if not self._is_going_on.acquire(blocking=False):
            return

        def ask() -> None:
            try:
                deque(self.of(workspace, refused, most=len(refused), seconds=seconds), maxlen=0)
            except InstillError:  # The workspace was closed, or its index cannot be read.
                return
            finally:
                self._is_going_on.release()

        threading.Thread(target=ask, name="instill-still-refused", daemon=True).start()

    def _keep(self, key: tuple[object, ...], refused: bool) -> None:
        self._known[key] = refused
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)


def _state(workspace: Workspace) -> tuple[object, ...]:
    """All that the outcome depends on, beside the question."""
    try:
        index = f"{workspace.index.generation.name}:{workspace.index.version()}"
    except InstillError:
        index = ""  # Nothing was added yet.
    return workspace.home, workspace.labels, index, workspace.threshold.value


def _saw_as_much(question: Question, workspace: Workspace) -> bool:
    """Whether the asker held all labels that the caller holds."""
    if question.labels is None or workspace.labels is None:
        return question.labels is None
    return set(workspace.labels) <= set(question.labels)
