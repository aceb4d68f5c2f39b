"""A conversation that is kept in the catalog and can be taken up again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from instill.answer.types import Answer, Turn
from instill.catalog import StoredTurn

if TYPE_CHECKING:
    from instill.workspace import Workspace

# Older turns say little about what a follow-up refers to, and a generator would have to read them all.
_TURNS_REMEMBERED = 8


class Chat:
    """A conversation with the documents of a workspace.

    Args:
        conversation_id: an earlier conversation to go on with; None starts a new one.
        labels: what the caller may see; None means everything.

    Raises:
        UsageError: there is no such conversation.

    Example:
        >>> chat = workspace.chat()  # doctest: +SKIP
        >>> chat.say("How is the package installed on Linux?").text  # doctest: +SKIP
        >>> chat.say("And on Windows?").trace.standalone_question  # doctest: +SKIP
    """

    def __init__(self, workspace: Workspace, conversation_id: str | None, *, labels: Sequence[str] | None) -> None:
        self._workspace = workspace
        self._labels = labels
        self._turns: list[Turn] = []
        self._conversation_id = conversation_id
        self.last: Answer | None = None
        if conversation_id is not None:
            self._turns = [
                Turn("user" if turn.role == "user" else "assistant", turn.text)
                for turn in workspace.catalog.turns(conversation_id)
            ]

    @property
    def conversation_id(self) -> str:
        """The id to take the conversation up again with; a new conversation gets one when it is first asked for."""
        if self._conversation_id is None:
            self._conversation_id = self._workspace.catalog.start_conversation()
        return self._conversation_id

    @property
    def turns(self) -> Sequence[Turn]:
        """All turns, oldest first."""
        return tuple(self._turns)

    def say(self, text: str, *, on_token: Callable[[str], None] | None = None) -> Answer:
        """Ask the next question; the exchange is kept when `privacy.log_questions` is on."""
        answer = self._workspace.ask(
            text, history=self._turns[-_TURNS_REMEMBERED:], labels=self._labels, on_token=on_token
        )
        self.last = answer
        self._turns += [Turn("user", text), Turn("assistant", answer.text)]
        if self._workspace.settings.privacy.log_questions:
            kept = [StoredTurn("user", text, {}, ""), StoredTurn("assistant", answer.text, answer.as_dict(), "")]
            self._workspace.catalog.add_turns(self.conversation_id, kept)
        return answer

    def new(self) -> None:
        """Start over: what was said before no longer counts."""
        self._turns = []
        self._conversation_id = None
        self.last = None
