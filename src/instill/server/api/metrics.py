"""`/metrics`: what the server did, in Prometheus's text form; off until `server.metrics` is set."""

from __future__ import annotations

import threading
import time
from collections import Counter

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from instill.server.errors import unknown
from instill.server.service import Owning

router = APIRouter(tags=["health"])

_BOUNDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Measured:
    """Counts requests by route and status, and the seconds until an answer began. No path of a request is kept, only
    the route's own, so that nobody makes it grow."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._lock = threading.Lock()
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.buckets: Counter[tuple[str, float]] = Counter()
        self.seconds: Counter[str] = Counter()
        self.open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["measured"] = self
        began, told = time.perf_counter(), False

        async def noticing(message: Message) -> None:
            nonlocal told
            if message["type"] == "http.response.start" and not told:
                told = True
                self._note(scope, int(message["status"]), time.perf_counter() - began)
            await send(message)

        with self._lock:
            self.open += 1
        try:
            await self._app(scope, receive, noticing)
        finally:
            with self._lock:
                self.open -= 1

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "") or "other"
        with self._lock:
            self.requests[scope["method"], route, status] += 1
            self.seconds[route] += seconds  # type: ignore[assignment]
            for bound in _BOUNDS:
                if seconds <= bound:
                    self.buckets[route, bound] += 1

    def text(self) -> str:
        """All of it in Prometheus's form."""
        with self._lock:
            lines = ["# TYPE instill_requests_total counter"]
            for (method, route, status), count in sorted(self.requests.items()):
                lines.append(f'instill_requests_total{{method="{method}",route="{route}",status="{status}"}} {count}')
            lines.append("# TYPE instill_request_seconds histogram")
            for route, seconds in sorted(self.seconds.items()):
                total = sum(count for (_, each, _), count in self.requests.items() if each == route)
                for bound in _BOUNDS:
                    held = self.buckets[route, bound]
                    lines.append(f'instill_request_seconds_bucket{{route="{route}",le="{bound:g}"}} {held}')
                lines.append(f'instill_request_seconds_bucket{{route="{route}",le="+Inf"}} {total}')
                lines.append(f'instill_request_seconds_sum{{route="{route}"}} {seconds:.6f}')
                lines.append(f'instill_request_seconds_count{{route="{route}"}} {total}')
            lines += ["# TYPE instill_requests_open gauge", f"instill_requests_open {self.open}"]
        return "\n".join(lines) + "\n"


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(seen: Owning, request: Request) -> str:
    """Requests by route and status, and how long they took, for Prometheus."""
    measured = request.scope.get("measured")
    if not seen.service.settings.server.metrics or not isinstance(measured, Measured):
        raise unknown("Metrics are switched off.", "/metrics", "Set metrics = true under [server] in instill.toml.")
    waiting = sum(job.state in ("waiting", "running") for job in seen.service.jobs.all(limit=1000))
    documents, passages = seen.workspace.index.count()
    gauges = {"jobs_open": waiting, "documents": documents, "passages": passages}
    lines = [
        line for name, value in gauges.items() for line in (f"# TYPE instill_{name} gauge", f"instill_{name} {value}")
    ]
    return measured.text() + "\n".join([*lines, *seen.service.turns.lines(), *seen.service.heart.lines()]) + "\n"
