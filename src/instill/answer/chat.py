"""A conversation that is kept in the catalog and can be taken up again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from instill.answer.types import Answer, Turn
from instill.catalog import NOBODY, Asker, Catalog, StoredTurn
from instill.catalog.conversations import turns_shown_to
from instill.common.made_from import OWNER, Caller

# Older turns say little about what a follow-up refers to, and a generator would have to read them all.
_TURNS_REMEMBERED = 8


class Ask(Protocol):
    """Answers a question after what was said before, for one caller."""

    def __call__(self, question: str, *, history: Sequence[Turn], on_token: Callable[[str], None] | None) -> Answer: ...


class Chat:
    """A conversation with the documents of a workspace; made by `Workspace.chat`.

    Args:
        catalog: where the conversation is kept.
        conversation_id: an earlier conversation to continue. None starts a new one.
        keep: False stores nothing of the conversation in the catalog.
        caller: who asks. A caller can continue a conversation only if the caller may see all documents
            that it was held over. From then on, the conversation carries the labels of this caller.
        asked_by: who begins a new one, and so owns it.

    Raises:
        UsageError: there is no such conversation that the caller may see.

    Example:
        >>> chat = workspace.chat()  # doctest: +SKIP
        >>> chat.say("How is the package installed on Linux?").text  # doctest: +SKIP
        >>> chat.say("And on Windows?").trace.standalone_question  # doctest: +SKIP
    """

    def __init__(
        self,
        ask: Ask,
        catalog: Catalog,
        conversation_id: str | None,
        *,
        keep: bool,
        caller: Caller = OWNER,
        asked_by: Asker = NOBODY,
    ) -> None:
        self._ask = ask
        self._catalog = catalog
        self._keep = keep
        self._caller = caller
        self._asked_by = asked_by
        self._turns: list[StoredTurn] = []
        self._conversation_id = conversation_id
        self._asked_early = ""  # The last question, where it was refused while documents were still being read.
        self.last: Answer | None = None
        if conversation_id is not None:
            self._turns = stored = catalog.turns(conversation_id, caller)
            self._asked_early = stored[-2].text if len(stored) > 1 and _is_early(stored[-1].answer) else ""

    @property
    def conversation_id(self) -> str:
        """The id with which you can continue the conversation. A new conversation gets its id when you first read
        it.
        """
        if self._conversation_id is None:
            self._conversation_id = self._catalog.start_conversation(self._caller.labels, self._asked_by)
        return self._conversation_id

    @property
    def turns(self) -> Sequence[Turn]:
        """All turns, oldest first. Of an answer that stands on what the caller does not see now, it is said so."""
        return tuple(map(_remembered, turns_shown_to(self._caller, self._turns)))

    def say(self, text: str, *, on_token: Callable[[str], None] | None = None) -> Answer:
        """Ask the next question. Question and answer are stored if `privacy.log_questions` is on.

        If the last question was refused while documents were still being read, and it is asked again, the new answer
        takes the place of the refusal.
        """
        is_again = bool(self._asked_early) and text == self._asked_early
        before = self._turns[:-2] if is_again else self._turns
        history = [_remembered(turn) for turn in turns_shown_to(self._caller, before)[-_TURNS_REMEMBERED:]]
        answer = self._ask(text, history=history, on_token=on_token)
        self.last = answer
        told = answer.as_dict()
        kept = [StoredTurn("user", text, {}, ""), StoredTurn("assistant", answer.text, told, "")]
        self._turns = [*before, *kept]
        self._asked_early = text if _is_early(told) else ""
        if self._keep:
            again = text if is_again else ""
            self._catalog.add_turns(self.conversation_id, kept, self._caller.labels, instead_of=again)
        return answer

    def new(self) -> None:
        """Start a new conversation: what was said before no longer counts."""
        self._turns = []
        self._conversation_id = None
        self._asked_early = ""
        self.last = None


def _is_early(answer: Mapping[str, Any]) -> bool:
    """Whether it is a refusal that was given while documents were still being read."""
    return bool(answer.get("abstained") and answer.get("trace", {}).get("unread"))


def _remembered(turn: StoredTurn) -> Turn:
    if turn.role == "user":
        return Turn("user", turn.text)
    citations = [citation for claim in turn.answer.get("claims", ()) for citation in claim["citations"]]
    names = (name for citation in citations for name in (citation["title"], citation["headings"].rpartition(" > ")[2]))
    topics = tuple(dict.fromkeys(name for name in names if name))
    return Turn("assistant", turn.text, topics, tuple(dict.fromkeys(citation["doc_id"] for citation in citations)))
