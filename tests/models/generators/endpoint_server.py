"""A server that speaks the OpenAI chat protocol, for tests: `python endpoint_server.py` prints its port.

What it answers is worked out from the prompt: from the passages between the fences it takes the sentence that shares
most words with the question. The model's name chooses how it behaves; what follows a "/" in the name only tells the
requests of one test from those of another (`GET /seen/NAME`).
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

app = FastAPI()
seen: dict[str, list[dict[str, Any]]] = {}

_PASSAGE = re.compile(r"<<(\w+) passage (\d+)>>\nTitle: [^\n]*\n(.*?)\n<<\1 end \2>>", re.DOTALL)


def best_sentence(prompt: str) -> tuple[int, str]:
    question = set(re.findall(r"\w+", prompt.rpartition("Question:")[2].lower()))
    found = [
        (len(question & set(re.findall(r"\w+", sentence.lower()))), -int(number), sentence)
        for _, number, text in _PASSAGE.findall(prompt)
        for sentence in re.split(r"(?<=[.!?])\s+|\n\n+", text)
    ]
    _, number, sentence = max(found)
    return -number, sentence.strip()


def honest(prompt: str) -> str:
    number, sentence = best_sentence(prompt)
    return f'{sentence} [{number}]\nQUOTES:\n[{number}] "{sentence}"'


def obeying(prompt: str) -> str:
    """Does what a planted instruction says, as a weak model would."""
    planted = re.search(r"reply (?:only )?with (\w+)", prompt.partition("Question:")[0], re.IGNORECASE)
    return f"{planted.group(1)} [1]" if planted else honest(prompt)


def replies(behaviour: str, prompt: str) -> str:
    if "passage 1>>" not in prompt:
        last = prompt.rpartition("Last message:")[2].partition("\n")[0].strip()
        return f"{last.rstrip('?')} of the blue widget?"
    number, sentence = best_sentence(prompt)
    texts = {
        "honest": honest(prompt),
        "obeying": obeying(prompt),
        "unknown": "NOT IN THE DOCUMENTS",
        "inventing": f'The moon is made of 17 cheeses. [1] {honest(prompt)}\n[1] "The moon is made of 17 cheeses."',
        "liar": 'The moon is made of cheese. [1]\nQUOTES:\n[1] "The moon is made of cheese."',
        "unquoted": f"{sentence} [{number}]",
        "thinking": f"<think>Let me see [1].</think>\n{honest(prompt)}",
        "thoughts-only": "<think>I wonder, and wonder",
        "empty": "",
        "unquoted-misnumbering": f"{sentence} [{number % 2 + 1}]",
        "misnumbering": honest(prompt).replace(f"[{number}]", f"[{number % 2 + 1}]"),
        "wide-brackets": f"{sentence}\uff3b{number}\uff3d",
    }
    return texts.get(behaviour, honest(prompt))


def event(content: str, finish: str | None = None, *, usage: dict[str, int] | None = None) -> str:
    delta = {"role": "assistant", "content": content}
    chunk = {
        "id": "c1", "object": "chat.completion.chunk", "created": 0, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }  # fmt: skip
    if usage:
        chunk["usage"] = usage
    return f"data: {json.dumps(chunk)}\n\n"


TOLD = {"prompt_tokens": 31, "completion_tokens": 17, "total_tokens": 48}
USAGES: dict[str, Any] = {
    "counted": TOLD,
    "odd-usage": {"prompt_tokens": "many", "completion_tokens": None},
    "no-object": "much",
    "zero-usage": {"prompt_tokens": 0, "completion_tokens": 0},
}


def refusal(behaviour: str, body: dict[str, Any]) -> Response | None:
    """What servers say that do not know a field."""
    told = {
        "strict-400": (400, "Unrecognized request argument supplied: stream_options"),
        "strict-422": (422, "x" * 300 + " body.stream_options.include_usage: Extra inputs are not permitted"),
        "strict-500": (500, "upstream: stream_options is not supported"),
        "strict-counted": (422, "stream_options"),
        "mute-400": (400, "Bad request"),
        "strict-new-name": (400, "stream_options"),
    }
    if behaviour in ("new-name", "strict-new-name") and "max_tokens" in body:
        return JSONResponse({"error": {"message": "use max_completion_tokens"}}, status_code=400)
    if behaviour == "short" and len(body["messages"][-1]["content"]) > 1000:
        return JSONResponse({"error": {"message": "the prompt is too long"}}, status_code=400)
    if behaviour in told and "stream_options" in body:
        status, message = told[behaviour]
        return JSONResponse({"error": {"message": message}}, status_code=status)
    return None


async def stream(behaviour: str, text: str, *, asked_usage: bool = False) -> AsyncIterator[str]:
    pieces = [text[i : i + 7] for i in range(0, len(text), 7)]
    if behaviour == "keepalive":
        while True:
            yield ": still here\n\n"
            await asyncio.sleep(0.05)
    for number, piece in enumerate(pieces):
        if behaviour == "silent" or (behaviour == "stalling" and number == 2):
            await asyncio.sleep(30)
        if behaviour == "dripping":
            await asyncio.sleep(0.1)
        if behaviour == "malformed" and number == 2:
            yield "data: {this is not json\n\n"
        if behaviour == "wrong-shape" and number == 2:
            yield 'data: {"choices": "none"}\n\n'
        if behaviour == "truncated" and number == 2:
            return
        if behaviour == "aborted" and number == 2:
            raise ConnectionResetError
        if behaviour == "error-event" and number == 2:
            yield 'data: {"error": {"message": "out of memory", "type": "server_error"}}\n\n'
        running = {"prompt_tokens": 31, "completion_tokens": number} if behaviour == "running-usage" else None
        yield event(piece, usage=running)
    if behaviour == "strict-counted":  # tells it without being asked, with the end of the reply
        yield event("", "stop", usage=TOLD)
    else:
        yield event("", "length" if behaviour == "thoughts-only" else "stop")
    last: dict[str, Any] = {"id": "c1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": []}
    if behaviour == "thoughts-only" or (asked_usage and behaviour in USAGES):
        last["usage"] = USAGES.get(behaviour, TOLD)
    yield f"data: {json.dumps(last)}\n\n"
    yield "data: [DONE]\n\n"


@app.post("/v1/chat/completions")
async def complete(request: Request) -> Response:
    body = await request.json()
    name = body["model"]
    behaviour = name.partition("/")[0]
    seen.setdefault(name, []).append({"body": body, "headers": dict(request.headers)})
    status = re.fullmatch(r"status-(\d+)", behaviour)
    if status:
        key = request.headers.get("authorization", "")
        return JSONResponse({"error": {"message": f"no: {key}"}}, status_code=int(status.group(1)))
    if behaviour == "flaky" and len(seen[name]) == 1:
        return JSONResponse({"error": {"message": "loading"}}, status_code=503)
    refused = refusal(behaviour, body)
    if refused is not None:
        return refused
    if behaviour == "page":
        return Response("<html>Welcome</html>", media_type="text/html")
    text = replies(behaviour, body["messages"][-1]["content"])
    asked = body.get("stream_options", {}).get("include_usage", False)
    return StreamingResponse(stream(behaviour, text, asked_usage=asked), media_type="text/event-stream")


@app.get("/seen/{name:path}")
async def requests_of(name: str) -> list[dict[str, Any]]:
    return seen.get(name, [])


if __name__ == "__main__":
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listener])
