"""The Model Context Protocol's door, by the SDK's own client, on both transports."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from instill import Workspace
from instill.server.doors.mcp_tools import URI
from tests.conftest import write_handbook
from tests.server.running import Running, running
from tests.server.test_doors import QUESTIONS, UNANSWERED, spans_of_claims, spans_of_workspace

Use = Callable[[Client], Awaitable[None]]
VERSION = "2026-07-28"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mcp")
    write_handbook(folder / "handbook")
    with Workspace.init(folder / "kb") as workspace:
        workspace.add(folder / "handbook", labels="staff")
        workspace.add_text("# Board\n\nThe board meets on Mondays.", name="board.md", labels="board")
    return folder / "kb"


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Running]:
    with running(place, jobs=True) as found:
        found.service.keys.add("boss", role="admin")
        yield found


def over_http(server: Running, role: Any, use: Use, *, mode: Any = "auto") -> None:
    secret = server.service.keys.add(token_hex(4), role=role, labels=["staff"], rate=100_000).secret

    async def run() -> None:
        async with httpx2.AsyncClient(headers={"authorization": f"Bearer {secret}"}, timeout=60) as http:
            transport = streamable_http_client(f"{server.address}/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                await use(client)

    anyio.run(run)


def over_stdio(place: Path, use: Use, *arguments: str, mode: Any = "auto") -> None:
    command = ["-m", "instill", "mcp", "--workspace", str(place), *arguments]
    paths = {"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"}

    async def run() -> None:
        server = StdioServerParameters(command=sys.executable, args=command, env=paths)
        async with Client(server, mode=mode, read_timeout_seconds=90) as client:
            await use(client)

    anyio.run(run)


def looking_around(place: Path, *, may_add: bool) -> Use:
    """Everything that a caller who holds the label staff can do."""

    async def use(client: Client) -> None:
        assert client.server_info is not None
        assert client.server_info.name == "instill"
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert list(tools) == ["search", "ask", "show"] + ["add"] * may_add
        assert tools["ask"].annotations is not None
        assert tools["ask"].annotations.read_only_hint is True
        for question in QUESTIONS:
            answered = await client.call_tool("ask", {"question": question})
            assert not answered.is_error
            assert spans_of_claims(answered.structured_content["claims"]) == spans_of_workspace(place, question)
            links = [each.uri for each in answered.content if each.type == "resource_link"]
            assert links
            assert answered.content[0].type == "text"
            assert links[0] in answered.content[0].text
            for claim in answered.structured_content["claims"]:
                for cited in claim["citations"]:
                    read = await client.read_resource(URI + cited["doc_id"])
                    text: Any = read.contents[0]
                    assert text.text[cited["start"] : cited["end"]] == cited["text"]
        refused = await client.call_tool("ask", {"question": UNANSWERED})
        assert refused.structured_content["abstained"] is True
        found = await client.call_tool("search", {"query": "hotel night", "k": 2})
        best = found.structured_content["passages"][0]
        assert "140 euros" in best["text"]
        shown = await client.call_tool("show", {"document": best["doc_id"], "start": best["start"], "end": best["end"]})
        assert shown.structured_content["text"] == best["text"]
        listed = await client.list_resources()
        assert {each.name for each in listed.resources} >= {"refunds.md", "travel.md"}
        assert "board.md" not in {each.name for each in listed.resources}
        templates = await client.list_resource_templates()
        assert templates.resource_templates[0].uri_template == "instill://documents/{doc_id}"
        for tool, wrong in (
            ("ask", {"question": " "}),
            ("ask", {"question": "x", "labels": ["board"]}),
            ("search", {"query": "x", "where": "nothing = 'x'"}),
            ("show", {"document": "board.md"}),
            ("search", {}),
        ):
            told = await client.call_tool(tool, wrong)
            assert told.is_error, (tool, wrong)
            assert told.content[0].type == "text"
            assert "Monday" not in told.content[0].text
        with pytest.raises(MCPError, match="no such tool"):
            await client.call_tool("drop", {})
        with pytest.raises(MCPError, match="no such resource"):
            await client.read_resource(URI + "0" * 16)

    return use


def adding(name: str) -> Use:
    async def use(client: Client) -> None:
        note = f"# Note\n\nThe {name} rings at seven."
        added = await client.call_tool("add", {"name": f"{name}.md", "text": note})
        assert not added.is_error, added
        assert added.structured_content["state"] == "done", added
        assert len(added.structured_content["added"]) == 1
        asked = await client.call_tool("ask", {"question": f"When does the {name} ring?"})
        assert "seven" in asked.structured_content["text"]
        in_bucket = await client.call_tool("add", {"url": "s3://team-docs/handbook"})
        assert in_bucket.is_error
        refused = await client.call_tool("add", {"url": "file:///etc/passwd"})
        assert refused.is_error

    return use


def test_over_http_a_reader_looks_around(place: Path, server: Running) -> None:
    over_http(server, "reader", looking_around(place, may_add=False))


def test_over_http_an_editor_adds(place: Path, server: Running) -> None:
    over_http(server, "editor", adding("bell"))


def test_over_stdio(place: Path) -> None:
    async def all_of_it(client: Client) -> None:
        assert client.protocol_version == VERSION
        await looking_around(place, may_add=True)(client)
        await adding("gong")(client)

    over_stdio(place, all_of_it, "--label", "staff")


def test_older_clients_are_served(place: Path, server: Running) -> None:
    async def use(client: Client) -> None:
        assert client.protocol_version < VERSION
        answered = await client.call_tool("ask", {"question": QUESTIONS[0]})
        assert spans_of_claims(answered.structured_content["claims"]) == spans_of_workspace(place, QUESTIONS[0])

    over_http(server, "reader", use, mode="legacy")
    over_stdio(place, use, "--label", "staff", "--read-only", mode="legacy")


def test_lists_say_how_long_they_hold_and_for_whom(server: Running) -> None:
    async def use(client: Client) -> None:
        assert client.protocol_version == VERSION
        tools = await client.list_tools()
        assert (tools.ttl_ms, tools.cache_scope, tools.result_type) == (60_000, "private", "complete")
        resources = await client.list_resources()
        assert (resources.ttl_ms, resources.cache_scope) == (5_000, "private")
        assert (await client.list_resource_templates()).cache_scope == "public"

    over_http(server, "reader", use)


def test_nobody_comes_in_without_a_key(server: Running) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
    public = server.service.keys.add("site", role="public", labels=["public"], origins=["https://a.example"]).secret
    with server.client() as client:
        assert client.post("/mcp", json=call, headers=headers).status_code == 401
        told = client.post("/mcp", json=call, headers={**headers, "authorization": f"Bearer {public}"})
        assert told.status_code == 403
        assert json.loads(told.text)["error"]["kind"] == "UsageError"
