"""How many questions are answered at once, who is next, and what those are told who wait too long, at each door."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anthropic
import anyio
import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from instill import Workspace
from instill.server.answer_queue import Turns
from instill.server.doors.mcp_door import RETRY_AFTER
from instill.server.errors import Refused
from instill.server.request_lifetime import Visit
from tests.conftest import write_handbook
from tests.server.running import Running, running

QUESTION = "Within how many days can goods be returned?"


def waiting_until(turns: Turns, count: int) -> None:
    end = time.monotonic() + 20
    while turns.waiting != count:
        assert time.monotonic() < end, turns.waiting
        time.sleep(0.002)


# -- the lines ---------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=12), st.integers(1, 3))
def test_callers_take_turns_and_never_more_are_answered_than_may_be(callers: list[str], at_once: int) -> None:
    turns = Turns(at_once, waiting=50, seconds=20)
    held = [turns.take("first", Visit()) for _ in range(at_once)]
    order, most, lock = [], [0], threading.Lock()

    def ask(caller: str) -> None:
        with turns.take(caller, Visit()), lock:
            order.append(caller)
            most[0] = max(most[0], turns.running)

    threads = [threading.Thread(target=ask, args=(caller,)) for caller in callers]
    for number, thread in enumerate(threads):
        thread.start()
        waiting_until(turns, number + 1)
    for turn in held:
        turn.drop()
    for thread in threads:
        thread.join(20)
    assert sorted(order) == sorted(callers)
    assert most[0] <= at_once
    assert (turns.running, turns.waiting) == (0, 0)
    if at_once == 1:  # Then the order is exact: one of each line, in the order in which the lines began.
        lines = {caller: callers.count(caller) for caller in dict.fromkeys(callers)}
        rounds = [
            [caller for caller, count in lines.items() if count > number] for number in range(max(lines.values()))
        ]
        assert order == [caller for each in rounds for caller in each]


def test_where_too_many_wait_the_longest_line_gives_way_to_a_shorter_one() -> None:
    turns = Turns(1, waiting=3, seconds=20)
    held = turns.take("first", Visit())
    with ThreadPoolExecutor(5) as pool:
        greedy = []
        for number in range(3):
            greedy.append(pool.submit(turns.take, "greedy", Visit()))
            waiting_until(turns, number + 1)
        with pytest.raises(Refused, match="Many questions") as refused:
            turns.take("greedy", Visit())
        assert (refused.value.status, refused.value.headers) == (503, {"retry-after": "4"})  # 1 s each, three before it
        modest = pool.submit(turns.take, "modest", Visit())
        with pytest.raises(Refused, match="Many questions"):
            greedy[2].result(20)  # the last one that came
        held.drop()
        for each in (greedy[0], modest, greedy[1]):  # the lines take turns
            each.result(20).drop()
    assert (turns.running, turns.waiting, turns.refused["full"]) == (0, 0, 2)


def test_who_waits_too_long_or_leaves_gives_up_the_place() -> None:
    turns = Turns(1, waiting=3, seconds=0.05)
    held, visit = turns.take("a", Visit()), Visit()
    with pytest.raises(Refused) as late:
        turns.take("b", Visit())
    assert late.value.status == 503
    turns.seconds = 20
    with ThreadPoolExecutor(1) as pool:
        leaving = pool.submit(turns.take, "b", visit)
        waiting_until(turns, 1)
        visit.leave()
        with pytest.raises(Refused) as left:
            leaving.result(20)
    assert left.value.status == 499
    assert (turns.waiting, turns.refused["late"], turns.refused["left"]) == (0, 1, 1)
    held.drop()
    assert turns.running == 0


def test_when_the_server_ends_nobody_is_left_waiting() -> None:
    turns = Turns(1, waiting=3, seconds=60)
    held = turns.take("first", Visit())
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(turns.take, caller, Visit()) for caller in "ab"]
        waiting_until(turns, 2)
        turns.close()
        for each in waiting:
            with pytest.raises(Refused, match="Many questions"):
                each.result(20)
    held.drop()
    with pytest.raises(Refused):
        turns.take("c", Visit())
    assert (turns.running, turns.waiting) == (0, 0)


def test_a_turn_ends_once_and_work_that_goes_on_keeps_it() -> None:
    turns = Turns(2, waiting=0, seconds=1)
    turn = turns.take("a", Visit())
    with turn:
        turn.drop()  # The request has ended; the thread that works for it has not.
        assert turns.running == 1
    assert turns.running == 0
    turn.drop()
    assert turns.running == 0
    dropped = turns.take("a", Visit())
    dropped.drop()
    with pytest.raises(Refused), dropped:
        raise AssertionError("nobody waits for this")
    assert turns.running == 0


# -- at the doors ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("turns")
    write_handbook(folder / "handbook")
    with Workspace.init(folder / "kb") as workspace:
        workspace.add(folder / "handbook", labels="public")
    text = "[server]\nanswers_at_once = 1\nanswers_waiting = 1\nanswer_wait_s = 0.05\nmetrics = true\n"
    (folder / "kb" / "instill.toml").write_text(text)
    with running(folder / "kb") as found:
        yield found


@pytest.fixture
def busy(server: Running) -> Iterator[Running]:
    turn = server.service.turns.take("somebody", Visit())
    yield server
    turn.drop()


def test_each_door_says_in_its_own_form_that_many_ask_and_all_else_goes_on(busy: Running) -> None:
    with busy.client() as client:
        for path, body in (
            ("/api/ask", {"question": QUESTION}),
            ("/api/ask", {"question": QUESTION, "stream": True}),
            ("/api/chat", {"text": QUESTION}),
            ("/api/chat", {"text": QUESTION, "stream": True}),
            ("/ask", {"text": QUESTION}),
        ):
            told = client.post(path, json=body)
            assert told.status_code == 503, path
            assert 1 <= int(told.headers["retry-after"]) <= 300
            assert told.json()["error"]["what"] == "Many questions are being answered at the moment."
        for path in ("/healthz", "/", "/questions", "/static/style.css", "/api/documents"):
            assert client.get(path).status_code == 200
        assert client.post("/api/search", json={"query": "goods returned"}).json()["hits"]
        said = client.get("/metrics").text
    assert "instill_answers_running 1\n" in said
    assert int(re.findall(r'answers_refused_total\{reason="late"\} (\d+)', said)[0]) >= 5
    assert "instill_answers_waiting 0\n" in said


@pytest.mark.parametrize("stream", [False, True])
def test_official_clients_know_it(busy: Running, stream: bool) -> None:
    message: Any = {"role": "user", "content": QUESTION}
    with openai.OpenAI(base_url=f"{busy.address}/v1", api_key="x", max_retries=0) as gpt:
        for ask in (
            lambda: gpt.chat.completions.create(model="instill", messages=[message], stream=stream),
            lambda: gpt.responses.create(model="instill", input=QUESTION, stream=stream),
        ):
            with pytest.raises(openai.InternalServerError, match="Many questions") as told:
                ask()
            assert told.value.status_code == 503
            assert int(told.value.response.headers["retry-after"]) >= 1
    with (
        anthropic.Anthropic(base_url=busy.address, api_key="x", max_retries=0) as claude,
        pytest.raises(anthropic.APIStatusError, match="Many questions") as overloaded,
    ):
        claude.messages.create(model="instill", max_tokens=100, messages=[message], stream=stream)
    body: Any = overloaded.value.body
    assert body["error"]["type"] == "overloaded_error"


def test_an_assistant_is_told_as_the_result_of_its_call(busy: Running) -> None:
    async def run() -> None:
        async with (
            httpx2.AsyncClient(timeout=60) as http,
            Client(streamable_http_client(f"{busy.address}/mcp", http_client=http)) as client,
        ):
            told: Any = await client.call_tool("ask", {"question": QUESTION})
            assert told.is_error
            assert "Many questions are being answered" in told.content[0].text
            assert told.meta[RETRY_AFTER] >= 1
            assert not (await client.call_tool("search", {"query": "goods"})).is_error

    anyio.run(run)


def test_when_the_turn_is_over_the_next_one_is_answered_and_a_client_that_tries_again_succeeds(server: Running) -> None:
    turn = server.service.turns.take("somebody", Visit())
    threading.Timer(0.3, turn.drop).start()
    with openai.OpenAI(base_url=f"{server.address}/v1", api_key="x", max_retries=3) as gpt:
        answer = gpt.responses.create(model="instill", input=QUESTION)
    assert "thirty days" in answer.output_text
    assert server.service.turns.running == 0


def test_who_leaves_while_waiting_is_answered_no_more(server: Running) -> None:
    turns = server.service.turns
    before, turns.seconds = turns.refused["left"], 20.0
    turn = turns.take("somebody", Visit())
    try:
        connection = _asks(server, "/api/ask", {"question": QUESTION})
        waiting_until(turns, 1)
        connection.close()
        waiting_until(turns, 0)
    finally:
        turns.seconds = 0.05
        turn.drop()
    assert turns.refused["left"] == before + 1
    assert turns.running == 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_generator_stops_writing_for_who_has_left(server: Running, tmp_path: Path, stream: bool) -> None:
    stopped = threading.Event()

    class Endless(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            try:
                for number in range(2000):  # 20 s at most
                    piece = {"choices": [{"index": 0, "delta": {"content": f"word{number} "}, "finish_reason": None}]}
                    self.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())
                    self.wfile.flush()
                    time.sleep(0.01)
            except OSError:
                stopped.set()

        def log_message(self, *_: object) -> None:
            return

    write_handbook(tmp_path / "handbook")
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add(tmp_path / "handbook")
    with ThreadingHTTPServer(("127.0.0.1", 0), Endless) as endpoint:
        threading.Thread(target=endpoint.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{endpoint.server_address[1]}/v1"
        (tmp_path / "kb" / "instill.toml").write_text(f'[generator]\nbase_url = "{address}"\nmodel = "endless"\n')
        with running(tmp_path / "kb") as served:
            assert served.service.turns.at_once == 16
            connection = _asks(served, "/api/ask", {"question": QUESTION, "stream": stream})
            end = time.monotonic() + 20
            while not served.service.turns.running:
                assert time.monotonic() < end
                time.sleep(0.01)
            time.sleep(0.2)
            connection.close()
            assert stopped.wait(10)
            while served.service.turns.running:
                assert time.monotonic() < end
                time.sleep(0.01)
        endpoint.shutdown()


def _asks(server: Running, path: str, body: Any) -> socket.socket:
    """A connection on which a question was sent, and whose answer is not read."""
    data = json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", path, data, {"content-type": "application/json"})
    found: socket.socket = connection.sock
    return found
