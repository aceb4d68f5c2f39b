"""`/v1/responses`: OpenAI's form with annotations that name files and pages."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from instill.answer.types import Answer
from instill.server.doors.answer_with_marks import Marked, is_address, marked, pieces, structured
from instill.server.doors.api_errors import failed_event
from instill.server.doors.model_names import Way, way_of
from instill.server.doors.openai_chat import tokens
from instill.server.doors.request_messages import asked
from instill.server.errors import Refused
from instill.server.service import Reading

router = APIRouter(prefix="/v1", tags=["OpenAI"])


class ResponseRequest(BaseModel):
    """A response that is wanted; what is not named here has no effect."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(max_length=200)
    input: str | list[dict[str, Any]]
    stream: bool | None = False
    previous_response_id: str | None = None


@router.post("/responses", response_model=None)
def respond(seen: Reading, request: ResponseRequest) -> dict[str, Any] | StreamingResponse:
    """An answer with `file_citation` annotations (`url_citation` for pages of the web); each has the span of the
    document too (`start`, `end`, `quote`). `instill.abstained` says that the documents do not answer."""
    if request.previous_response_id:
        raise Refused(
            400,
            "Responses are not kept.",
            where="previous_response_id",
            remedy="Send the earlier turns in `input`.",
        )
    way = way_of(seen, request.model)
    given = request.input
    question, history = asked([{"role": "user", "content": given}] if isinstance(given, str) else given)
    writing = _Writing(way, question, request.model, seen.named)
    if request.stream:
        events = writing.events(partial(way.ask, question, history, seen.turn()))
        return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})
    return writing.whole(way.ask(question, history))


class _Writing:
    """One response."""

    def __init__(self, way: Way, question: str, model: str, named: Callable[[str], str]) -> None:
        self._way, self._question, self._model, self._named = way, question, model, named
        self._id, self._item = f"resp_{uuid.uuid4().hex}", f"msg_{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._number = -1

    def whole(self, answer: Answer) -> dict[str, Any]:
        return self._response("completed", answer)

    def events(self, ask: Callable[[], Answer]) -> Iterator[bytes]:
        place = {"item_id": self._item, "output_index": 0, "content_index": 0}
        try:
            begun = self._response("in_progress", None)
            yield self._event("response.created", response=begun)
            yield self._event("response.in_progress", response=begun)
            answer = ask()
            empty = {"type": "output_text", "text": "", "annotations": []}
            item = {**self._message(answer), "status": "in_progress", "content": []}
            yield self._event("response.output_item.added", output_index=0, item=item)
            yield self._event("response.content_part.added", **place, part=empty)
            for piece in pieces(answer):
                yield self._event("response.output_text.delta", **place, delta=piece, logprobs=[])
            for number, each in enumerate(marked(answer)):
                told = {**place, "annotation_index": number, "annotation": annotation(each, self._named)}
                yield self._event("response.output_text.annotation.added", **told)
            message = self._message(answer)
            yield self._event("response.output_text.done", **place, text=answer.text, logprobs=[])
            yield self._event("response.content_part.done", **place, part=message["content"][0])
            yield self._event("response.output_item.done", output_index=0, item=message)
            yield self._event("response.completed", response=self._response("completed", answer))
        except Exception as error:
            told = failed_event(error)["error"]
            yield self._event("error", message=told["message"], code=told["code"], param=None)

    def _event(self, kind: str, **data: Any) -> bytes:
        self._number += 1
        told = {"type": kind, "sequence_number": self._number, **data}
        return f"event: {kind}\ndata: {json.dumps(told, ensure_ascii=False)}\n\n".encode()

    def _message(self, answer: Answer) -> dict[str, Any]:
        text = {
            "type": "output_text",
            "text": answer.text,
            "annotations": [annotation(each, self._named) for each in marked(answer)],
        }
        return {"id": self._item, "type": "message", "role": "assistant", "status": "completed", "content": [text]}

    def _response(self, status: str, answer: Answer | None) -> dict[str, Any]:
        usage = None
        if answer is not None:
            read, written = tokens(self._way, self._question), tokens(self._way, answer.text)
            usage = {
                "input_tokens": read,
                "output_tokens": written,
                "total_tokens": read + written,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens_details": {"reasoning_tokens": 0},
            }
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "model": self._model,
            "output": [] if answer is None else [self._message(answer)],
            "parallel_tool_calls": False,
            "tool_choice": "none",
            "tools": [],
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "temperature": None,
            "top_p": None,
            "usage": usage,
            "instill": None if answer is None else structured(answer),
        }


def annotation(each: Marked, named: Callable[[str], str]) -> dict[str, Any]:
    """A citation as an annotation of the text: where it is named, and where it stands in the document."""
    citation = each.citation
    span = {
        "doc_id": citation.doc_id,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.text,
        "headings": citation.headings,
        "page": citation.page,
    }
    if is_address(citation.source):
        at = {"start_index": each.start, "end_index": each.end}
        return {"type": "url_citation", "url": citation.source, "title": citation.title, **at, **span}
    return {
        "type": "file_citation",
        "file_id": citation.doc_id,
        "filename": named(citation.source) or citation.title or citation.doc_id,
        "index": each.start,
        **span,
    }
