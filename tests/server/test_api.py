"""The HTTP API says what the command line says with `--json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from instill import Workspace
from tests.cli.test_cli import as_json
from tests.conftest import write_handbook
from tests.server.running import Running, running

QUESTION = "Within how many days can goods be returned?"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api")
    write_handbook(folder / "handbook")
    with Workspace.init(folder / "kb") as workspace:
        workspace.add(folder / "handbook")
    return folder / "kb"


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Running]:
    with running(place) as found:
        yield found


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as found:
        yield found


def ok(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def without(value: Any, *names: str) -> Any:
    """The value without what differs from call to call."""
    if isinstance(value, dict):
        return {key: without(each, *names) for key, each in value.items() if key not in names}
    if isinstance(value, list):
        return [without(each, *names) for each in value]
    return value


def test_each_verb_answers_what_the_command_line_prints(client: httpx.Client, place: Path) -> None:
    def same(api: Any, *command: str) -> None:
        changing = ("timings", "question_id", "questions")
        assert without(api, *changing) == without(as_json(*command, cwd=place), *changing)

    same(ok(client.get("/api/documents")), "status", "--documents")
    same(ok(client.get("/api/documents", params={"where": "kind = 'html'"})), "status", "--where", "kind = 'html'")
    same(ok(client.get("/api/status")), "status")
    same(ok(client.post("/api/search", json={"query": "refund", "k": 3})), "search", "refund", "-k", "3")
    same(ok(client.post("/api/ask", json={"question": QUESTION})), "ask", QUESTION)
    sql = "select kind, count(*) as n, max(modified) from documents group by kind order by kind"
    same(ok(client.post("/api/sql", json={"query": sql})), "sql", sql)
    [first, *_] = ok(client.get("/api/documents"))["documents"]
    shown = ok(client.get(f"/api/documents/{first['doc_id']}", params={"passages": "true"}))
    same(shown, "show", first["doc_id"], "--passages")
    same(ok(client.get("/api/conversations")), "chat", "--list")
    same(ok(client.get("/api/studies")), "study", "list")
    same(ok(client.get("/api/models")), "models", "list")


def test_errors_are_those_of_the_command_line(client: httpx.Client, place: Path) -> None:
    from tests.cli.test_cli import instill

    told = ok(client.post("/api/sql", json={"query": "delete from documents"}), 400)
    printed = json.loads(instill("sql", "delete from documents", "--json", cwd=place, code=2).stderr)
    assert told == printed
    assert ok(client.get("/api/documents/none"), 404)["error"]["what"] == "No document has this name or id."
    wrong = ok(client.post("/api/search", json={"query": "a", "k": 0, "secret": "s3cr3t"}), 422)["error"]
    assert wrong["kind"] == "UsageError"
    assert "body.k" in wrong["where"]
    assert "s3cr3t" not in json.dumps(wrong)
    assert ok(client.post("/api/ask", json={"question": " "}), 400)["error"]["what"] == "The question is empty."
    assert ok(client.get("/api/nothing"), 404)["error"]["what"] == "There is nothing at this address."
    assert ok(client.put("/api/ask"), 405)["error"]["kind"] == "UsageError"


@pytest.mark.parametrize(
    "url",
    ["s3://team-docs/handbook", "S3://team-docs/a.md?endpoint=http://127.0.0.1:9", " s3://team-docs", "file:///x"],
)
def test_a_caller_adds_nothing_that_takes_the_servers_own_rights(client: httpx.Client, url: str) -> None:
    """A bucket would be read with the credentials of the server."""
    refused = ok(client.post("/api/documents/url", json={"url": url}), 400)["error"]
    assert (refused["what"], refused["where"]) == ("Only http and https addresses are fetched.", "url")


def events(response: httpx.Response) -> list[tuple[str, Any]]:
    found = []
    for block in response.read().decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "event" in fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_a_streamed_answer_is_the_answer(client: httpx.Client) -> None:
    plain = ok(client.post("/api/ask", json={"question": QUESTION}))
    with client.stream("POST", "/api/ask", json={"question": QUESTION, "stream": True}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        found = events(response)
    assert [name for name, _ in found] == ["piece", "answer"]
    assert found[0][1]["text"] == plain["text"]
    assert without(found[1][1], "timings", "question_id") == without(plain, "timings", "question_id")
    with client.stream("POST", "/api/ask", json={"question": "?", "where": "no = 'x'", "stream": True}) as response:
        [(name, told)] = events(response)
    assert name == "error"
    assert told["error"]["kind"] == "UsageError"


def test_a_conversation_is_gone_on_with(client: httpx.Client) -> None:
    first = ok(client.post("/api/chat", json={"text": "How much may a hotel cost?"}))
    again = {
        "text": "And within how many hours is a lost laptop reported?",
        "conversation_id": first["conversation_id"],
    }
    with client.stream("POST", "/api/chat", json={**again, "stream": True}) as response:
        found = events(response)
    assert found[0] == ("conversation", {"conversation_id": first["conversation_id"]})
    assert "within one hour" in found[-1][1]["text"]
    shown = ok(client.get(f"/api/conversations/{first['conversation_id']}"))
    assert [turn["role"] for turn in shown["turns"]] == ["user", "assistant"] * 2
    assert ok(client.post("/api/chat", json={"text": "a", "conversation_id": "none"}), 404)["error"]["where"] == "none"
    history = [{"role": "user", "text": "How much may a hotel cost?"}]
    assert "140 euros" in ok(client.post("/api/ask", json={"question": "A night in one?", "history": history}))["text"]


def test_settings_are_shown_without_secrets(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTILL_GENERATOR__API_KEY", "very-secret")
    with running(place) as server, server.client() as client:
        said = client.get("/api/settings").text
        found = {each["name"]: each for each in json.loads(said)["settings"]}
    assert "very-secret" not in said
    assert found["generator.api_key"]["value"] == "set"
    assert found["generator.api_key"]["origin"] == "variable"
    assert found["search.pool"] == {
        "name": "search.pool",
        "value": 100,
        "default": 100,
        "is_set": False,
        "origin": "default",
        "is_secret": False,
        "about": "Number of candidates from each of the two searches.",
    }


def test_what_other_processes_change_is_seen(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace, running(tmp_path / "kb") as server, server.client() as client:
        assert ok(client.post("/api/ask", json={"question": QUESTION}))["notices"]
        workspace.add_text("# Tea\n\nTea is brewed at 80 degrees.", name="tea.md")
        assert len(ok(client.get("/api/documents"))["documents"]) == 1
        workspace.reindex()
        found = ok(client.post("/api/ask", json={"question": "At how many degrees is tea brewed?"}))
        assert found["claims"][0]["citations"][0]["text"] == "Tea is brewed at 80 degrees."
        (tmp_path / "kb" / "instill.toml").write_text("[answer]\nthreshold = 1.0\n")
        assert ok(client.post("/api/ask", json={"question": "At how many degrees is tea brewed?"}))["abstained"]
        (tmp_path / "kb" / "instill.toml").write_text("[answer]\nthresh = 1.0\n")
        assert "thresh" in ok(client.get("/api/status"), 400)["error"]["where"]


def test_openapi_names_every_route_and_the_form_of_errors(client: httpx.Client) -> None:
    paths = ok(client.get("/openapi.json"))["paths"]
    assert {"/api/ask", "/api/documents", "/api/jobs/{job_id}/events", "/healthz"} <= set(paths)
    for path, methods in paths.items():
        for method, operation in methods.items():
            assert operation["summary"], f"{method} {path}"
            assert operation["responses"]["4XX"]["content"]["application/json"]["schema"]["$ref"].endswith("/Failed")


def test_the_page_about_the_api_shows_every_route(client: httpx.Client) -> None:
    shown = client.get("/docs").text
    described = ok(client.get("/openapi.json"))["paths"]
    wanted = [f"<b>{method.upper()}</b> {path}" for path, methods in described.items() for method in methods]
    assert len(wanted) > 40
    assert [each for each in wanted if each not in shown] == []
    assert "http" not in "".join(re.findall(r'(?:src|href)="([^"]*)"', shown)), "nothing is loaded from elsewhere"
