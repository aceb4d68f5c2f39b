"""`/v1/messages`: Anthropic's form, whose `char_location` citations carry exactly what a citation of ours is."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from instill.answer.types import Answer
from instill.server.doors.answer_with_marks import structured
from instill.server.doors.api_errors import failed_event
from instill.server.doors.model_names import Way, way_of
from instill.server.doors.openai_chat import tokens
from instill.server.doors.request_messages import asked
from instill.server.service import Reading

router = APIRouter(prefix="/v1", tags=["Anthropic"])


class MessageRequest(BaseModel):
    """A message that is wanted; what is not named here has no effect."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(max_length=200)
    messages: list[dict[str, Any]] = Field(min_length=1, max_length=1000)
    stream: bool | None = False


@router.post("/messages", response_model=None)
def message(seen: Reading, request: MessageRequest) -> dict[str, Any] | StreamingResponse:
    """An answer as blocks of text, one a claim, each with the spans that carry it. `instill.abstained` says that the
    documents do not answer."""
    way = way_of(seen, request.model)
    question, history = asked(request.messages)
    head = {
        "id": f"msg_{uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "stop_sequence": None,
    }
    if request.stream:
        events = _events(way, partial(way.ask, question, history, seen.turn()), question, head)
        return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})
    answer = way.ask(question, history)
    usage = {"input_tokens": tokens(way, question), "output_tokens": tokens(way, answer.text)}
    told = {"content": blocks(answer), "stop_reason": "end_turn", "usage": usage, "instill": structured(answer)}
    return {**head, **told}


def blocks(answer: Answer) -> list[dict[str, Any]]:
    """The answer as blocks of text; together they read as the answer does, without the marks of its citations.

    `document_index` counts documents in the order in which they are first cited, `file_id` is the document's id.
    """
    if not answer.claims:
        return [{"type": "text", "text": answer.text, "citations": None}]
    order = {doc_id: number for number, doc_id in enumerate(dict.fromkeys(each.doc_id for each in answer.citations))}
    found: list[dict[str, Any]] = []
    for claim in answer.claims:
        if found:
            found.append({"type": "text", "text": "\n\n", "citations": None})
        citations = [
            {
                "type": "char_location",
                "cited_text": citation.text,
                "document_index": order[citation.doc_id],
                "document_title": citation.title,
                "start_char_index": citation.start,
                "end_char_index": citation.end,
                "file_id": citation.doc_id,
            }
            for citation in claim.citations
        ]
        found.append({"type": "text", "text": claim.text, "citations": citations})
    return found


def _events(way: Way, ask: Callable[[], Answer], question: str, head: dict[str, Any]) -> Iterator[bytes]:
    try:
        usage = {"input_tokens": tokens(way, question), "output_tokens": 0}
        yield _event("message_start", message={**head, "content": [], "stop_reason": None, "usage": usage})
        yield _event("ping")
        answer = ask()
        for number, block in enumerate(blocks(answer)):
            empty: dict[str, Any] = {"type": "text", "text": "", "citations": [] if block["citations"] else None}
            yield _event("content_block_start", index=number, content_block=empty)
            yield _event("content_block_delta", index=number, delta={"type": "text_delta", "text": block["text"]})
            for citation in block["citations"] or ():
                delta = {"type": "citations_delta", "citation": citation}
                yield _event("content_block_delta", index=number, delta=delta)
            yield _event("content_block_stop", index=number)
        end = {"stop_reason": "end_turn", "stop_sequence": None}
        written = {"output_tokens": tokens(way, answer.text)}
        yield _event("message_delta", delta=end, usage=written, instill=structured(answer))
        yield _event("message_stop")
    except Exception as error:
        yield _event("error", error=failed_event(error)["error"])


def _event(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data}, ensure_ascii=False)}\n\n".encode()
