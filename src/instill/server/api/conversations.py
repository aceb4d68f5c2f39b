"""Conversations that are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from instill.answer.streaming import AnswerStream
from instill.answer.types import Answer
from instill.catalog import StoredTurn
from instill.common.kept_answers import doc_ids_in
from instill.errors import UsageError
from instill.server.api.asking import EVENTS, LONGEST, streamed
from instill.server.errors import Refused, unknown
from instill.server.service import Reading, Seen
from instill.workspace.arguments import count_of
from instill.workspace.replies import Conversations

router = APIRouter(prefix="/api", tags=["conversations"])


class Saying(BaseModel):
    """What is said next; without a conversation a new one begins."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=LONGEST)
    conversation_id: str | None = Field(None, max_length=100)
    stream: bool = False


class Said(BaseModel):
    """The answer, and the conversation to go on with; None where conversations are not kept."""

    conversation_id: str | None
    answer: Answer


class TurnShown(BaseModel):
    """One turn; `answer` is what `ask` answers, {} for questions. Where the caller does not see every document that an
    answer tells of, it says so in the place of the answer, and has `hidden`. `documents`: of how many something is
    given."""

    role: str
    text: str
    answer: Mapping[str, Any]
    at: str
    documents: int = 0


class Conversation(BaseModel):
    """A conversation from its beginning."""

    conversation_id: str
    turns: Sequence[TurnShown]


@router.post("/chat", response_model=Said, responses=EVENTS)
def chat(seen: Reading, saying: Saying) -> Said | StreamingResponse:
    """Say something in a conversation. Streamed, the first event is `conversation` with its id."""
    workspace = seen.workspace
    try:
        if saying.conversation_id is not None:
            must_own(seen, saying.conversation_id)
        talk = workspace.chat(saying.conversation_id, asked_by=seen.asker)
    except UsageError as error:
        raise not_there(error) from error
    kept = talk.conversation_id if workspace.settings.privacy.log_questions else None
    if not saying.stream:
        return Said(answer=seen.answered(lambda put: talk.say(saying.text, on_token=put)), conversation_id=kept)
    stream = seen.streamed(AnswerStream(lambda put: talk.say(saying.text, on_token=put)))
    return streamed(stream, [("conversation", {"conversation_id": kept})])


@router.get("/conversations")
def list_conversations(
    seen: Reading,
    limit: int = 20,
    words: str = Query("", max_length=1000),
    after: int = Query(0, ge=0, le=2**31, description="How many to leave out: `next` of the reply before."),
) -> Conversations:
    """The newest conversations that the caller began; for an admin, those of everybody, with who began them. `words`:
    only those in which they were said. `total` says how many there are, `next` where the list goes on."""
    count, catalog, whose = count_of(limit, "limit"), seen.workspace.catalog, seen.own_conversations
    found = catalog.conversations(count, seen.caller, words=words, key_id=whose, after=after)
    return Conversations.of(found, catalog.conversation_count(seen.caller, words=words, key_id=whose), after)


@router.get("/conversations/{conversation_id}")
def show(seen: Reading, conversation_id: str) -> Conversation:
    """A conversation from its beginning; also one of somebody else, for who holds the labels that it was held under."""
    turns = turns_of(seen, conversation_id)
    shown = [
        TurnShown(role=each.role, text=each.text, answer=each.answer, at=each.at, documents=documents_in(each.answer))
        for each in turns
    ]
    return Conversation(conversation_id=conversation_id, turns=shown)


@router.delete("/conversations/{conversation_id}", status_code=204)
def forget(seen: Reading, conversation_id: str) -> None:
    """Delete a conversation that the caller began; an admin deletes any. The log of questions keeps what was asked."""
    try:
        must_own(seen, conversation_id)
        seen.workspace.catalog.forget_conversation(conversation_id, seen.labels)
    except UsageError as error:
        raise not_there(error) from error


def documents_in(answer: Mapping[str, Any]) -> int:
    """Of how many documents something stands in what is given of an answer."""
    return len(set(doc_ids_in(answer)))


def turns_of(seen: Seen, conversation_id: str) -> Sequence[StoredTurn]:
    """The turns of a conversation that the caller may see, as far as they see the documents of the answers now.

    Raises:
        Refused: there is none.
    """
    try:
        return seen.workspace.catalog.turns(conversation_id, seen.caller)
    except UsageError as error:
        raise not_there(error) from error


def is_own(seen: Seen, conversation_id: str) -> bool:
    """Whether the caller may go on with a conversation, change and delete it: they began it, or are an admin.

    Raises:
        UsageError: there is no such conversation that the caller may see.
    """
    begun_with = seen.workspace.catalog.key_of_conversation(conversation_id, seen.labels)
    return seen.own_conversations in (None, begun_with)


def must_own(seen: Seen, conversation_id: str) -> None:
    """Refuse to go on with, change or delete a conversation of somebody else.

    Raises:
        UsageError: there is no such conversation that the caller may see.
        Refused: 403, somebody else began it.
    """
    if not is_own(seen, conversation_id):
        raise Refused(
            403,
            "Somebody else began this conversation: you can only read it.",
            where=conversation_id,
            remedy="Begin a conversation of your own.",
        )


def not_there(error: UsageError) -> UsageError:
    """A conversation that is not there, or not for this caller; what is refused already stays so."""
    return (
        error if isinstance(error, Refused) else unknown(error.what, error.where, "List them: GET /api/conversations")
    )
