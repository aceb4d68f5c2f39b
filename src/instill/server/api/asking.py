"""Search, ask and SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from instill.answer.streaming import AnswerStream
from instill.answer.types import Answer, Turn
from instill.errors import InstillError
from instill.index.types import Mode
from instill.server.api.visitor_answers import answer_visitor
from instill.server.errors import Refused, as_json, event, of_bug
from instill.server.service import Asking, Reading
from instill.server.tracing import traced
from instill.workspace import AskMode
from instill.workspace.arguments import MOST_HITS
from instill.workspace.replies import Found, Rows

router = APIRouter(prefix="/api", tags=["asking"])

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with `stream`, events: `piece` with a `text`, then `answer` or `error`.",
        "content": {"text/event-stream": {}},
    }
}
LONGEST = 20_000
"""Characters of a question."""


class SearchRequest(BaseModel):
    """A search: see `instill search`."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(max_length=LONGEST)
    k: int = Field(10, ge=1, le=min(1000, MOST_HITS))
    mode: Mode = "hybrid"
    where: str = Field("", max_length=LONGEST)


class TurnSaid(BaseModel):
    """What was said before; of an answer, the documents that it cited."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["user", "assistant"]
    text: str = Field(max_length=100_000)
    topics: list[str] = []
    documents: list[str] = []

    def turn(self) -> Turn:
        """The same, as the workspace takes it."""
        return Turn(self.role, self.text, tuple(self.topics), tuple(self.documents))


class AskRequest(BaseModel):
    """A question: see `instill ask`. With `stream` the answer comes as server-sent events."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(max_length=LONGEST)
    mode: AskMode = "auto"
    where: str = Field("", max_length=LONGEST)
    history: list[TurnSaid] = Field([], max_length=100)
    stream: bool = False


class SqlRequest(BaseModel):
    """One SELECT over `documents` and `passages`: see `instill sql`."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(max_length=100_000)
    near: str = Field("", max_length=LONGEST)


@router.post("/search")
def search(seen: Reading, request: SearchRequest) -> Found:
    """The passages that fit best."""
    result = seen.workspace.search(request.query, k=request.k, mode=request.mode, where=seen.condition(request.where))
    return Found.of(request.query, result)


@router.post("/ask", response_model=Answer, responses=EVENTS)
def ask(seen: Asking, request: AskRequest) -> Answer | StreamingResponse:
    """An answer with citations, or a refusal (`abstained`) with the nearest passages. With a public key it takes a
    question and what was said before, and tells nothing of the machine."""
    history = [each.turn() for each in request.history]
    if seen.who.role == "public":
        if request.where or request.stream or request.mode != "auto":
            raise Refused(403, "A public key asks, and nothing else.", remedy="Leave out where, mode and stream.")
        return answer_visitor(seen, request.question, history)
    question, mode, where, workspace = request.question, request.mode, seen.condition(request.where), seen.workspace
    if request.stream:
        stream = workspace.ask(question, history=history, mode=mode, where=where, asked_by=seen.asker, stream=True)
        return streamed(seen.streamed(stream))
    return seen.answered(
        lambda put: workspace.ask(question, history=history, mode=mode, where=where, asked_by=seen.asker, on_token=put)
    )


@router.post("/sql")
def sql(seen: Reading, request: SqlRequest) -> Rows:
    """Read-only SQL over what the caller may see."""
    return Rows.of(seen.workspace._sql(request.query, near=request.near, called=seen.called if seen.names else None))


def streamed(
    stream: AnswerStream,
    more: Sequence[tuple[str, object]] = (),
    *,
    told: Callable[[Answer], object] = Answer.as_dict,
    failed: Callable[[InstillError], object] = as_json,
) -> StreamingResponse:
    """An answer as server-sent events: `piece` {"text"}, then `answer`, or `error` as an error is told.

    Args:
        more: events that go before.
        told: what `answer` carries.
        failed: what `error` carries.
    """

    def events() -> Iterator[bytes]:
        for name, data in more:
            yield event(name, data)
        try:
            with stream:
                for piece in stream:
                    yield event("piece", {"text": piece})
                if not stream.is_closed:  # Otherwise nobody listens any more.
                    yield event("answer", told(traced(stream.answer)))
        except InstillError as error:
            yield event("error", failed(error))
        except Exception as error:
            yield event("error", failed(of_bug(error)))

    return StreamingResponse(events(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})
