"""What requests and answers took, as OpenTelemetry traces by its conventions for generative AI; off until
`server.traces` names a collector. No word of a question, an answer or a document is in a trace."""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from instill import __version__
from instill.answer.types import Answer
from instill.common.extras import how_to_install
from instill.errors import MissingDependency, UsageError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

_NAME = "instill"
_QUIET = ("/healthz", "/readyz", "/metrics", "/static/", "/favicon.ico")
_EXPORT_S = 5
_NOW: ContextVar[tuple[Tracer, Span] | None] = ContextVar("instill_trace", default=None)


def provider_for(address: str) -> TracerProvider:
    """Sends spans to a collector, in batches and in a thread of its own.

    Args:
        address: of the collector, OTLP over HTTP, as "http://127.0.0.1:4318/v1/traces".

    Raises:
        UsageError: it is no address.
        MissingDependency: the packages are not installed.
    """
    if not address.startswith(("http://", "https://")):
        raise UsageError(
            "This is no address of a collector.",
            where=f"server.traces: {address}",
            remedy="Write for example: http://127.0.0.1:4318/v1/traces",
        )
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise MissingDependency(
            "Traces need packages that are not installed.",
            where="server.traces",
            remedy=how_to_install("tracing"),
        ) from error
    about = Resource.create({"service.name": _NAME, "service.version": __version__})
    found = TracerProvider(resource=about, shutdown_on_exit=False)
    found.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=address, timeout=_EXPORT_S)))
    return found


class Traced:
    """A span for each request, under the caller's where it brings one (`traceparent`); named by the route, because a
    path may name a document."""

    def __init__(self, app: ASGIApp, *, provider: TracerProvider) -> None:
        self._app = app
        self._tracer = provider.get_tracer(_NAME, __version__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_QUIET):
            await self._app(scope, receive, send)
            return
        from opentelemetry.trace import SpanKind, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        carried = {name: value for name, value in Headers(scope=scope).items() if name in ("traceparent", "tracestate")}
        above = TraceContextTextMapPropagator().extract(carried)
        span = self._tracer.start_span(method, above, SpanKind.SERVER, {"http.request.method": method})

        async def noticing(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.set_attribute("http.response.status_code", message["status"])
                if message["status"] >= 500:
                    span.set_status(StatusCode.ERROR)
            await send(message)

        token = _NOW.set((self._tracer, span))
        try:
            await self._app(scope, receive, noticing)
        finally:
            _NOW.reset(token)
            route = getattr(scope.get("route"), "path", "")
            if route:
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)
            span.end()


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


def traced(answer: Answer) -> Answer:
    """The answer; where requests are traced, its steps are told as spans under the request's: `invoke_agent instill`,
    and below it `retrieval` and `chat MODEL` by their conventions, other steps by their names."""
    now = _NOW.get()
    if now is not None:
        _tell(*now, answer)
    return answer


def _tell(tracer: Tracer, above: Span, answer: Answer) -> None:
    """The steps have passed: they are placed one after the other before this moment, as long as they took."""
    from opentelemetry.trace import SpanKind, set_span_in_context

    steps = {name: took for name, took in answer.timings.items() if name != "total"}
    end = time.time_ns()
    at = end - int(1e6 * answer.timings.get("total", sum(steps.values())))
    agent = tracer.start_span(
        "invoke_agent instill", set_span_in_context(above), SpanKind.INTERNAL, _about(answer), start_time=at
    )
    for name, took in steps.items():
        shown, attributes = _step(name, answer)
        kind = SpanKind.CLIENT if name == "generate" else SpanKind.INTERNAL
        step = tracer.start_span(shown, set_span_in_context(agent), kind, attributes, start_time=at)
        at = min(end, at + int(1e6 * took))
        step.end(at)
    agent.end(end)


def _about(answer: Answer) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": _NAME,
        "gen_ai.agent.name": _NAME,
        "gen_ai.agent.version": __version__,
        "instill.method": answer.trace.method,
        "instill.abstained": answer.abstained,
        "instill.confidence": answer.confidence,
        "instill.claims": len(answer.claims),
        "instill.dropped_claims": answer.trace.dropped_claims,
    }


def _step(name: str, answer: Answer) -> tuple[str, dict[str, Any]]:
    """
    Example:
        >>> from instill.answer.types import Trace
        >>> _step("search", Answer("", (), 0.0, True, Trace("", "", "extractive")))[0]
        'retrieval documents'
    """
    if name == "search":
        return "retrieval documents", {"gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": "documents"}
    if name == "generate":
        model = answer.trace.generator
        named = {"gen_ai.request.model": model} if model else {}
        return f"chat {model}".strip(), {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", **named}
    return f"instill {name}", {}
