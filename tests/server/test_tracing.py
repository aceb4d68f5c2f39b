"""Traces reach a collector that is set, by the conventions, and hold no word of what was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from instill import Workspace
from instill.errors import UsageError
from instill.server.app import create_app
from instill.server.tracing import _NOW
from tests.models.generators.endpoint_process import running_endpoint
from tests.server.running import running
from tests.server.test_api import ok

QUESTION = "At how many degrees is zirkonium tea brewed?"
ABOVE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """A collector on loopback, and what it was sent."""
    sent: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            sent.append(_unpacked(self.rfile.read(int(self.headers["content-length"])), self.headers))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1/traces", sent
        finally:
            server.shutdown()


def _unpacked(body: bytes, headers: Any) -> bytes:
    import gzip

    return gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body


def spans_of(sent: list[bytes]) -> list[Any]:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    requests = [ExportTraceServiceRequest.FromString(each) for each in sent]
    return [
        span
        for request in requests
        for of_resource in request.resource_spans
        for scope in of_resource.scope_spans
        for span in scope.spans
    ]


def attributes(span: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


def test_a_request_and_its_answer_are_spans_without_words(tmp_path: Path) -> None:
    with running_endpoint() as endpoint, collector() as (address, sent):
        with Workspace.init(tmp_path / "kb") as workspace:
            workspace.add_text("# Tea\n\nZirkonium tea is brewed at 80 degrees.", name="grumbledore.md")
        toml = f'[server]\ntraces = "{address}"\n[generator]\nbase_url = "{endpoint.url}"\nmodel = "scripted"\n'
        (tmp_path / "kb" / "instill.toml").write_text(toml)
        with running(tmp_path / "kb") as server, server.client() as client:
            ok(client.post("/api/ask", json={"question": QUESTION}, headers={"traceparent": ABOVE}))
            ok(client.post("/api/ask", json={"question": QUESTION, "mode": "extractive"}))
            chat = {"model": "instill:quoted", "messages": [{"role": "user", "content": QUESTION}], "stream": True}
            assert client.post("/v1/chat/completions", json=chat).status_code == 200
            assert client.get("/api/documents/grumbledore-none").status_code == 404
            assert client.get("/healthz").status_code == 200
        for word in (b"irkonium", b"80 degrees", b"grumbledore", str(tmp_path).encode()):
            assert not any(word in each for each in sent), word
    spans = spans_of(sent)
    by_id = {span.span_id: span for span in spans}
    requests = [span for span in spans if span.span_id and span.kind == 2]
    assert sorted(span.name for span in requests) == [
        "GET /api/documents/{doc_id}",
        "POST /api/ask",
        "POST /api/ask",
        "POST /v1/chat/completions",
    ]
    statuses = {span.name: attributes(span)["http.response.status_code"] for span in requests}
    assert statuses["GET /api/documents/{doc_id}"] == 404
    assert statuses["POST /api/ask"] == 200
    [carried] = [span for span in requests if span.trace_id.hex() == ABOVE.split("-")[1]]
    assert carried.parent_span_id.hex() == ABOVE.split("-")[2]
    agents = [span for span in spans if span.name == "invoke_agent instill"]
    assert sorted(by_id[span.parent_span_id].name for span in agents) == [
        "POST /api/ask",
        "POST /api/ask",
        "POST /v1/chat/completions",
    ]
    for agent in agents:
        told = attributes(agent)
        assert (told["gen_ai.operation.name"], told["gen_ai.agent.name"]) == ("invoke_agent", "instill")
        steps = [span for span in spans if span.parent_span_id == agent.span_id]
        assert "retrieval documents" in [span.name for span in steps]
        assert all(agent.start_time_unix_nano <= span.start_time_unix_nano for span in steps)
        assert all(span.end_time_unix_nano <= agent.end_time_unix_nano for span in steps)
    [generated] = [span for span in spans if span.name.startswith("chat ")]
    assert attributes(generated)["gen_ai.operation.name"] == "chat"
    assert by_id[generated.parent_span_id].trace_id == carried.trace_id


def test_a_tool_that_answers_is_told_under_its_request(tmp_path: Path) -> None:
    """Whichever way a client speaks the protocol; a tool that does not answer has only its request's span."""
    with collector() as (address, sent):
        with Workspace.init(tmp_path / "kb") as workspace:
            workspace.add_text("# Tea\n\nZirkonium tea is brewed at 80 degrees.", name="grumbledore.md")
        (tmp_path / "kb" / "instill.toml").write_text(f'[server]\ntraces = "{address}"\n')
        with running(tmp_path / "kb") as server:

            async def use(mode: Any) -> None:
                async with httpx2.AsyncClient(headers={"traceparent": ABOVE}, timeout=60) as http:
                    transport = streamable_http_client(f"{server.address}/mcp", http_client=http)
                    async with Client(transport, mode=mode) as client:
                        await client.list_tools()
                        answered = await client.call_tool("ask", {"question": QUESTION})
                        assert answered.structured_content["short"] == "80 degrees"

            for mode in ("auto", "legacy"):
                anyio.run(use, mode)
        for word in (b"irkonium", b"80 degrees", b"grumbledore"):
            assert not any(word in each for each in sent), word
    spans = spans_of(sent)
    requests = {span.span_id: span for span in spans if span.kind == 2}
    assert {span.name for span in requests.values()} == {"POST /mcp"}
    assert all(span.trace_id.hex() == ABOVE.split("-")[1] for span in spans)
    agents = [span for span in spans if span.name == "invoke_agent instill"]
    above = [requests[agent.parent_span_id] for agent in agents]
    assert len(agents) == len({span.span_id for span in above}) == 2
    assert all(attributes(span)["http.response.status_code"] == 200 for span in above)
    assert len(requests) >= 6
    for agent in agents:
        assert "retrieval documents" in [span.name for span in spans if span.parent_span_id == agent.span_id]


def test_it_is_off_until_it_is_set(tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    app = create_app(tmp_path / "kb", jobs=False)
    assert "Traced" not in [getattr(each.cls, "__name__", "") for each in app.user_middleware]
    assert _NOW.get() is None
    (tmp_path / "kb" / "instill.toml").write_text('[server]\ntraces = "localhost:4318"\n')
    with pytest.raises(UsageError, match="no address of a collector"):
        create_app(tmp_path / "kb", jobs=False)
