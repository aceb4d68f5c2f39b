"""What the server did, for Prometheus; off until it is set."""

from __future__ import annotations

from pathlib import Path

from instill import Workspace
from tests.server.running import running


def test_metrics_count_by_route_and_are_off_at_first(tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    with running(tmp_path / "kb") as server, server.client() as client:
        assert client.get("/metrics").json()["error"]["what"] == "Metrics are switched off."
    (tmp_path / "kb" / "instill.toml").write_text("[server]\nmetrics = true\n")
    with running(tmp_path / "kb") as server, server.client() as client:
        for path in ("/api/documents/one", "/api/documents/two", "/api/documents", "/secret/path"):
            client.get(path)
        said = client.get("/metrics").text
    assert 'instill_requests_total{method="GET",route="/api/documents/{doc_id}",status="404"} 2' in said
    assert 'instill_requests_total{method="GET",route="/api/documents",status="200"} 1' in said
    assert 'instill_request_seconds_count{route="/api/documents/{doc_id}"} 2' in said
    assert "secret" not in said
    assert "two" not in said
    assert "instill_documents 0" in said
