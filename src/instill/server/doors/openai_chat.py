"""`/v1/chat/completions`: OpenAI's chat form."""

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
from instill.server.doors.answer_with_marks import is_address, marked, pieces, structured
from instill.server.doors.api_errors import failed_event
from instill.server.doors.model_names import Way, way_of
from instill.server.doors.request_messages import asked
from instill.server.errors import Refused
from instill.server.service import Reading

router = APIRouter(prefix="/v1", tags=["OpenAI"])


class StreamOptions(BaseModel):
    """`include_usage`: a last chunk tells the tokens."""

    model_config = ConfigDict(extra="allow")

    include_usage: bool = False


class ChatRequest(BaseModel):
    """A chat completion. What is not named here (temperature, tools, ...) has no effect: documents answer."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(max_length=200)
    messages: list[dict[str, Any]] = Field(min_length=1, max_length=1000)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: int | None = None


@router.post("/chat/completions", response_model=None)
def complete(seen: Reading, request: ChatRequest) -> dict[str, Any] | StreamingResponse:
    """An answer as a chat completion. `message.annotations` cite pages, `message.instill` has claims, spans, and
    `abstained`, which says that the documents do not answer."""
    if request.n not in (None, 1):
        raise Refused(400, "There is one answer.", where="n", remedy="Leave it out.")
    way = way_of(seen, request.model)
    question, history = asked(request.messages)
    head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": request.model}
    if request.stream:
        usage = bool(request.stream_options and request.stream_options.include_usage)
        chunks = _chunks(way, partial(way.ask, question, history, seen.turn()), question, head, usage)
        return StreamingResponse(chunks, media_type="text/event-stream", headers={"x-accel-buffering": "no"})
    answer = way.ask(question, history)
    message = {"role": "assistant", "content": answer.text, "refusal": None, **_beside(answer)}
    return {
        **head,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": _usage(way, question, answer),
    }


def _beside(answer: Answer) -> dict[str, Any]:
    """Annotations of the only kind that this form knows, for pages of the web; all spans are in `instill`."""
    annotations = [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": each.start,
                "end_index": each.end,
                "title": each.citation.title,
                "url": each.citation.source if is_address(each.citation.source) else f"#{each.citation.doc_id}",
            },
        }
        for each in marked(answer)
    ]
    return {"annotations": annotations, "instill": structured(answer)}


def _chunks(way: Way, ask: Callable[[], Answer], question: str, head: dict[str, Any], usage: bool) -> Iterator[bytes]:
    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]
        return _data({**head, "object": "chat.completion.chunk", "choices": choices, **more})

    try:
        yield chunk({"role": "assistant", "content": ""})
        answer = ask()
        for piece in pieces(answer):
            yield chunk({"content": piece})
        yield chunk(_beside(answer), "stop")
        if usage:
            told = _usage(way, question, answer)
            yield _data({**head, "object": "chat.completion.chunk", "choices": [], "usage": told})
        yield b"data: [DONE]\n\n"
    except Exception as error:
        yield _data(failed_event(error))


def _usage(way: Way, question: str, answer: Answer) -> dict[str, int]:
    read, written = tokens(way, question), tokens(way, answer.text)
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def tokens(way: Way, text: str) -> int:
    """How many tokens a text has, by the encoder's count."""
    return len(way.workspace.encoder.tokenizer.encode(text, add_special_tokens=False).ids)


def _data(value: Any) -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
