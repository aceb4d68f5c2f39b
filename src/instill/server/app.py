"""The application: routes, errors, and what every request passes on its way in."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from instill import __version__
from instill.server import errors, pages, tracing
from instill.server.access.admission import Admission, address_of
from instill.server.access.body_limits import Limits
from instill.server.access.headers import Headers
from instill.server.access.origins import Readable
from instill.server.access.rate_limits import RateLimits, TokenBuckets
from instill.server.api import (
    asking,
    comparison_estimate,
    conversations,
    documents,
    health,
    jobs,
    keys,
    memory,
    metrics,
    models,
    questions,
    studies_and_comparisons,
    training_estimate,
    workspace,
)
from instill.server.doors import anthropic, openai_chat, openai_responses, openai_rest
from instill.server.doors.mcp_http import HttpDoor
from instill.server.jobs.starting import Starting
from instill.server.names_for_readers import NamesForReaders
from instill.server.pages.rendering import error_page
from instill.server.request_lifetime import Visits
from instill.server.service import Service
from instill.settings.settings import ServerSettings

_ROUTERS = (
    health.router, metrics.router, workspace.router, documents.router, asking.router, conversations.router, jobs.router,
    studies_and_comparisons.router, comparison_estimate.router, models.router, training_estimate.router, keys.router,
    questions.router, memory.router, openai_chat.router, openai_responses.router, openai_rest.router, anthropic.router,
    pages.router,
)  # fmt: skip
_UPLOADING = ("/api/documents", "/v1/files")
_THREADS = 40
STATIC = Path(__file__).parent / "pages" / "static"


def most_bytes(limits: ServerSettings, path: str) -> int:
    """Of the body of a request for `path`."""
    megabytes = limits.max_upload_mb if path.rstrip("/") in _UPLOADING else limits.max_body_mb
    return int(megabytes * 1024**2)


def create_app(
    folder: Path, *, loopback: bool = True, jobs: bool = True, clock: Callable[[], float] = time.monotonic
) -> FastAPI:
    """The application that serves the workspace in `folder`.

    Args:
        loopback: it is reached from this machine only, so that no key is needed while there is none.
        jobs: start processes that do jobs; without them they wait for another server.
        clock: seconds that only go up, by which requests are counted.

    Raises:
        UsageError: the settings cannot be used.
        WorkspaceError: the catalog cannot be opened.
        MissingDependency: traces are wanted, and what sends them is not installed.
    """
    service = Service(folder, loopback=loopback)
    limits = service.settings.server

    most = partial(most_bytes, limits)
    provider = tracing.provider_for(limits.traces) if limits.traces else None
    door = HttpDoor(service, most=most("/mcp"))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Whoever waits for a turn holds a thread; the others are for all else, which so never waits for them.
        threads = service.turns.at_once + service.turns.most_waiting + _THREADS
        anyio.to_thread.current_default_thread_limiter().total_tokens = threads
        threading.Thread(target=service.warm_up, name="instill-warm", daemon=True).start()
        starting = Starting(folder, service.jobs) if jobs else None
        if starting is not None:
            starting.begin()
        beating = asyncio.create_task(service.heart.beat()) if limits.metrics else None
        try:
            async with door.running():
                yield
        finally:
            if beating is not None:
                beating.cancel()
            if starting is not None:
                await anyio.to_thread.run_sync(starting.end)
            if provider is not None:
                await anyio.to_thread.run_sync(provider.shutdown)
            service.close()

    app = FastAPI(
        title="Instill",
        version=__version__,
        description="Documents, search, and answers with checked citations. Errors are `{error: {kind, what, where, "
        "remedy}}`, as the command line prints them with `--json`.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        middleware=[
            *([Middleware(tracing.Traced, provider=provider)] if provider is not None else []),
            *([Middleware(metrics.Measured)] if limits.metrics else []),
            Middleware(Headers),
            Middleware(Readable, origins=lambda: service.keys.origins()),
            Middleware(errors.Mistakes),
            Middleware(Limits, most=most, seconds=limits.body_timeout_s),
            Middleware(
                Admission,
                keys=lambda: service.keys,
                sessions=lambda: service.sessions,
                rates=RateLimits(limits.requests_per_minute, limits.visitor_per_minute, TokenBuckets(clock)),
                loopback=loopback,
            ),
            Middleware(Visits, address_of=address_of),
            Middleware(NamesForReaders, names=service.names),
        ],
    )
    app.state.service = service
    errors.install(app, error_page)
    errors.documented(app)
    for router in _ROUTERS:
        app.include_router(router)
    app.router.routes.append(Route(door.path, door, include_in_schema=False))
    if STATIC.is_dir():
        app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app
