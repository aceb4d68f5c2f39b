"""The page where one asks: a conversation, streamed, with its sources beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from instill.answer.chat import Chat
from instill.answer.longest_question import LONGEST_QUESTION, check_length
from instill.answer.streaming import AnswerStream
from instill.answer.types import Answer
from instill.catalog import Labels
from instill.errors import UsageError
from instill.server.api.asking import LONGEST, TurnSaid, streamed
from instill.server.api.conversations import documents_in, is_own, must_own, not_there, turns_of
from instill.server.errors import as_page_json
from instill.server.pages.job_lists import unread
from instill.server.pages.rendering import clock, page, rendered
from instill.server.service import Reading, Seen

router = APIRouter()

_SHOWN = 60
After = Annotated[int, Query(ge=0, le=2**31)]


class Asked(BaseModel):
    """A question from the page.

    Args:
        conversation_id: to go on with; "" begins one.
        keep: of that conversation, only so many turns count: the question after them was edited. The rest stays in
            the conversation that it was; this one becomes another.
        history: what was said before, where conversations are not kept.
    """

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=LONGEST)
    conversation_id: str = Field("", max_length=100)
    keep: int | None = Field(None, ge=0, le=10_000)
    history: list[TurnSaid] = Field([], max_length=100)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and its answer, as plain data; `judged`: what is said of it ("right", "wrong", "wanted"),
    `correction`: the right answer that was given with it. `question_id` is None where the caller cannot judge it;
    `asked_again`: the same question stands further below; `documents`: of how many something is shown."""

    question: str
    answer: Mapping[str, Any]
    question_id: int | None
    judged: Sequence[str]
    correction: str
    asked_again: bool
    documents: int


@router.get("/", response_class=HTMLResponse)
def first(seen: Reading, request: Request, words: str = "", after: After = 0) -> HTMLResponse:
    """A new conversation."""
    return _shown(seen, request, words, after)


@router.get("/ask/{conversation_id}", response_class=HTMLResponse)
def conversation(
    seen: Reading, request: Request, conversation_id: str, words: str = "", after: After = 0
) -> HTMLResponse:
    """A conversation to go on with."""
    return _shown(seen, request, words, after, conversation_id)


@router.post("/ask")
def ask(seen: Reading, asked: Asked) -> StreamingResponse:
    """The answer as events: `conversation`, `piece`, and `answer` with the markup that shows it, or `error`."""
    check_length(asked.text, "question")  # A conversation of which the first question is refused is not begun.
    workspace = seen.workspace
    if not workspace.settings.privacy.log_questions:
        history = [each.turn() for each in asked.history][: asked.keep]
        unkept = seen.streamed(workspace.ask(asked.text, history=history, asked_by=seen.asker, stream=True))
        return streamed(
            unkept,
            [("conversation", {"conversation_id": None})],
            told=lambda answer: _told(seen, answer),
            failed=as_page_json,
        )
    talk = _conversation(seen, asked)
    stream = seen.streamed(AnswerStream(lambda put: talk.say(asked.text, on_token=put)))
    more = [("conversation", {"conversation_id": talk.conversation_id})]
    return streamed(stream, more, told=lambda answer: _told(seen, answer), failed=as_page_json)


def _conversation(seen: Seen, asked: Asked) -> Chat:
    workspace = seen.workspace
    try:
        if not asked.conversation_id:
            return workspace.chat(asked_by=seen.asker)
        must_own(seen, asked.conversation_id)
        if asked.keep is None:
            return workspace.chat(asked.conversation_id, asked_by=seen.asker)
        turns = workspace.catalog.turns(asked.conversation_id, seen.caller)[: asked.keep]
        begun = workspace.catalog.start_conversation(seen.labels, seen.asker)
        if turns:
            workspace.catalog.add_turns(begun, turns, seen.labels)
        return workspace.chat(begun, asked_by=seen.asker)
    except UsageError as error:
        raise not_there(error) from error


def _told(seen: Seen, answer: Answer) -> dict[str, Any]:
    shown = rendered("answer.html", who=seen.who, answer=seen.told(answer.as_dict()), question_id=answer.question_id)
    turns = [{"role": each.role, "text": each.text, "topics": each.topics, "documents": each.documents}
             for each in answer.turns()]  # fmt: skip
    told = {"question_id": answer.question_id, "abstained": answer.abstained, "turns": turns}
    return {"html": shown, "documents": documents_in(answer.as_dict()), **told}


def _shown(seen: Seen, request: Request, words: str, after: int, conversation_id: str = "") -> HTMLResponse:
    workspace = seen.workspace
    exchanges = _exchanges(seen, conversation_id) if conversation_id else []
    words = words[:1000]
    whose = seen.own_conversations
    said = workspace.catalog.conversations(_SHOWN, seen.caller, words=words, key_id=whose, after=after)
    total = workspace.catalog.conversation_count(seen.caller, words=words, key_id=whose)
    return page(
        seen,
        "ask.html",
        "/",
        turns=exchanges,
        conversation_id=conversation_id,
        own=not conversation_id or is_own(seen, conversation_id),
        kept=bool(seen.who.key_id) and workspace.settings.privacy.log_questions and workspace.settings.log.questions,
        history=_named(seen, [each for each in said if each["first_question"]]),
        older=max(0, total - after - len(said)),
        after=after,
        a_page=_SHOWN,
        words=words,
        here=request.url.path,
        opens=opens_for(workspace.catalog.labels_of(conversation_id, seen.labels) if conversation_id else seen.labels),
        opens_mine=opens_for(seen.labels),
        longest=LONGEST_QUESTION,
        documents=workspace.index.count()[0],
        unread=unread(seen),
    )


def _named(seen: Seen, said: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The conversations; `when` each began, where several begin with the same question, and `whose` it is, where it is
    somebody else's; otherwise ""."""
    firsts = Counter(each["first_question"] for each in said)
    found = []
    for each in said:
        when = clock(each["started"]) if firsts[each["first_question"]] > 1 else ""
        whose = "" if each["asked_by"] == seen.who.name else each["asked_by"]
        found.append({**each, "when": when, "whose": whose})
    return found


def opens_for(labels: Labels) -> str:
    """For whom the link to a conversation opens that is held under these labels (`instill.catalog.may_see`).

    Example:
        >>> opens_for(("hr", "staff")), opens_for(None)
        ('It opens for those who hold the labels hr and staff, and for those who see all documents.', 'It opens only for those who see all documents.')
    """  # noqa: E501 - the sentences as they are shown
    if labels is None:
        return "It opens only for those who see all documents."
    if not labels:
        return "It opens only for those who hold no label, and for those who see all documents."
    *names, last = sorted(labels)
    held = f"labels {', '.join(names)} and {last}" if names else f"label {last}"
    return f"It opens for those who hold the {held}, and for those who see all documents."


def _exchanges(seen: Seen, conversation_id: str) -> list[Exchange]:
    turns = turns_of(seen, conversation_id)
    judged = _judged(seen, [turn.answer.get("question_id") for turn in turns if turn.answer])
    asked = [each.text for each in turns[::2]]
    found = []
    for at, (question, said) in enumerate(zip(turns[::2], turns[1::2], strict=False), 1):
        number = said.answer.get("question_id")
        number = number if number in judged else None
        answer, again = seen.told(said.answer), question.text in asked[at:]
        verdicts, correction = judged.get(number, ((), ""))
        found.append(Exchange(question.text, answer, number, verdicts, correction, again, documents_in(answer)))
    return [each for each in found if each.answer]


def _judged(seen: Seen, numbers: Sequence[Any]) -> dict[Any, tuple[list[str], str]]:
    """What is said of these questions, and the right answer that counts, by their numbers."""
    feedback = seen.feedback
    found: dict[Any, tuple[list[str], str]] = {}
    for number in numbers:
        if isinstance(number, int):
            try:
                question = feedback.get(number)
            except UsageError:  # It was cleared, is somebody else's, or stands on what the caller does not see now.
                continue
            counts = question.verdict
            verdicts = [*([counts.verdict] if counts else []), *(["wanted"] if question.is_wanted else [])]
            found[number] = verdicts, counts.correction if counts else ""
    return found
