"""What the server did, for Prometheus; off until it is set."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

from instill import Workspace
from instill.server.heartbeat import Heartbeat
from tests.server.running import running


def test_metrics_count_by_route_and_are_off_at_first(tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    with running(tmp_path / "kb") as server, server.client() as client:
        assert client.get("/metrics").json()["error"]["what"] == "Metrics are switched off."
    (tmp_path / "kb" / "instill.toml").write_text("[server]\nmetrics = true\n")
    with running(tmp_path / "kb") as server, server.client() as client:
        for path in ("/api/documents/one", "/api/documents/two", "/api/documents", "/secret/path", "/mcp"):
            client.get(path)
        said = client.get("/metrics").text
    assert 'instill_requests_total{method="GET",route="/api/documents/{doc_id}",status="404"} 2' in said
    assert 'instill_requests_total{method="GET",route="/api/documents",status="200"} 1' in said
    assert 'instill_request_seconds_count{route="/api/documents/{doc_id}"} 2' in said
    beats = int(re.findall(r"^instill_event_loop_late_seconds_count (\d+)$", said, re.MULTILINE)[0])
    assert beats > 0
    assert f'instill_event_loop_late_seconds_bucket{{le="+Inf"}} {beats}' in said
    assert 'instill_requests_total{method="GET",route="/mcp",status="405"} 1' in said
    assert "secret" not in said
    assert "two" not in said
    assert "instill_documents 0" in said


def test_what_holds_the_event_loop_is_noticed() -> None:
    heart = Heartbeat()

    async def held() -> None:
        beating = asyncio.create_task(heart.beat())
        await asyncio.sleep(0.02)
        time.sleep(0.3)
        await asyncio.sleep(0.02)
        beating.cancel()

    asyncio.run(held())
    assert heart.count - heart.within(0.25) >= 1
    assert heart.seconds > 0.25
