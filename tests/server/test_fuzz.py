"""Fuzzed requests for every route that OpenAPI describes: no server error, and every answer is of its form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from instill import Workspace
from instill.server.api import documents
from instill.server.jobs.store import Job
from tests.server.running import Running, running

CHECKS: list[Any] = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
EXAMPLES = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("fuzz") / "kb"
    with Workspace.init(folder) as workspace:
        workspace.add_text("# Tea\n\nTea is brewed at 80 degrees.", name="tea.md", metadata={"year": 2024})
    (folder / "instill.toml").write_text("[server]\nrequests_per_minute = 1000000\nmetrics = true\n")

    async def at_once(seen: Any, job: Job, seconds: float) -> Job:
        return job  # Nobody does jobs here.

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "waited", at_once)
        with running(folder) as found:
            yield found


def test_no_request_breaks_the_server(server: Running) -> None:
    schema = schemathesis.openapi.from_url(f"{server.address}/openapi.json")
    fuzzed = 0
    for found in schema.get_all_operations():
        operation: Any = found.ok()

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
        @given(case=operation.as_strategy())
        def fuzz(case: Any) -> None:
            nonlocal fuzzed
            fuzzed += 1
            case.call_and_validate(checks=CHECKS)

        fuzz()
    assert fuzzed > 100
    with server.client() as client:
        assert client.get("/healthz").json() == {"status": "ok"}


ODD_PATHS = (
    "/api/documents/%00",
    "/api/documents/" + "a" * 5000,
    "/api/conversations/%F0%28%8C%28",
    "/%2e%2e/etc/passwd",
    "/static/%2e%2e/%2e%2e/instill.toml",
    "/api/jobs/..%2f..%2f/log",
    "/api/comparisons/..%2f..%2finstill/page",
)
ODD_BODIES = (
    b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 20_000, b'{"query": 1}', b'{"query": "\\ud800"}',
)  # fmt: skip


def test_odd_paths_and_bodies_are_refused(server: Running) -> None:
    with server.client() as client:
        for path in ODD_PATHS:
            response = client.get(path)
            assert 400 <= response.status_code < 500, path
            assert "error" in response.json()
        for body in ODD_BODIES:
            response = client.post("/api/search", content=body, headers={"content-type": "application/json"})
            assert 400 <= response.status_code < 500, body[:20]
            assert set(response.json()["error"]) == {"kind", "what", "where", "remedy"}
