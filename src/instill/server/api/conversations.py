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
from instill.errors import UsageError
from instill.server.api.asking import EVENTS, LONGEST, streamed
from instill.server.errors import unknown
from instill.server.service import Editing, Reading, Seen
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
    """One turn; `answer` is what `ask` answers, {} for questions."""

    role: str
    text: str
    answer: Mapping[str, Any]
    at: str


class Conversation(BaseModel):
    """A conversation from its beginning."""

    conversation_id: str
    turns: Sequence[TurnShown]


@router.post("/chat", response_model=Said, responses=EVENTS)
def chat(seen: Reading, saying: Saying) -> Said | StreamingResponse:
    """Say something in a conversation. Streamed, the first event is `conversation` with its id."""
    workspace = seen.workspace
    try:
        talk = workspace.chat(saying.conversation_id, asked_by=seen.who.name)
    except UsageError as error:
        raise not_there(error) from error
    kept = talk.conversation_id if workspace.settings.privacy.log_questions else None
    if not saying.stream:
        return Said(answer=seen.answered(lambda put: talk.say(saying.text, on_token=put)), conversation_id=kept)
    stream = seen.streamed(AnswerStream(lambda put: talk.say(saying.text, on_token=put)))
    return streamed(stream, [("conversation", {"conversation_id": kept})])


@router.get("/conversations")
def list_conversations(seen: Reading, limit: int = 20, words: str = Query("", max_length=1000)) -> Conversations:
    """The newest conversations that the caller may see; `words`: only those in which they were said."""
    found = seen.workspace.catalog.conversations(count_of(limit, "limit"), seen.labels, words=words)
    return Conversations.model_validate({"conversations": found})


@router.get("/conversations/{conversation_id}")
def show(seen: Reading, conversation_id: str) -> Conversation:
    """A conversation from its beginning."""
    turns = turns_of(seen, conversation_id)
    shown = [TurnShown(role=each.role, text=each.text, answer=each.answer, at=each.at) for each in turns]
    return Conversation(conversation_id=conversation_id, turns=shown)


@router.delete("/conversations/{conversation_id}", status_code=204)
def forget(seen: Editing, conversation_id: str) -> None:
    """Delete a conversation. The log of questions keeps what was asked."""
    try:
        seen.workspace.catalog.forget_conversation(conversation_id, seen.labels)
    except UsageError as error:
        raise not_there(error) from error


def turns_of(seen: Seen, conversation_id: str) -> Sequence[StoredTurn]:
    """The turns of a conversation that the caller may see.

    Raises:
        Refused: there is none.
    """
    try:
        return seen.workspace.catalog.turns(conversation_id, seen.labels)
    except UsageError as error:
        raise not_there(error) from error


def not_there(error: UsageError) -> UsageError:
    """A conversation that is not there, or not for this caller."""
    return unknown(error.what, error.where, "List them: GET /api/conversations")
