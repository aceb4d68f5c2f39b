"""How a server ends: killed it loses nothing that it acknowledged, told to end it finishes what it answers."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from instill import Workspace
from instill.server.listening import ENDING
from tests.server.running import process
from tests.server.test_api import ok

TOWNS = ("Alba", "Berg", "Cala", "Dorn", "Elva", "Fels")


def test_killed_it_loses_no_upload_and_told_to_end_it_finishes_its_answers(tmp_path: Path) -> None:
    place = tmp_path / "kb"
    Workspace.init(place).close()
    (place / "instill.toml").write_text("[server]\nmetrics = true\n")
    with process(place) as first, first.client() as client:
        for town in TOWNS:
            text = f"# {town}\n\nThe mill of {town} was built in 19{TOWNS.index(town):02} by Marta Lind.\n"
            ok(client.post("/api/documents", files={"files": (f"{town}.md", text.encode())}), 202)
        first.kill()
    with process(place) as second, second.client() as client:
        jobs = _ended(client)
        assert [job["state"] for job in jobs] == ["done"] * len(TOWNS)
        there = {Path(each["source"]).stem for each in ok(client.get("/api/documents"))["documents"]}
        assert there == set(TOWNS)

        def ask(town: str) -> httpx.Response:
            with second.client() as asking:
                return asking.post("/api/ask", json={"question": f"Who built the mill of {town}?"})

        with ThreadPoolExecutor(len(TOWNS)) as pool:
            answers = [pool.submit(ask, town) for town in TOWNS]
            # Each is with the server, or answered: one whose connection waits to be taken is nobody's promise.
            while sum(each.done() for each in answers) + _open(client) - 1 < len(TOWNS):
                pass
            code, said = second.end()
            assert [ok(each.result())["short"] for each in answers] == ["Marta Lind"] * len(TOWNS)
    assert code == 0, said
    assert "Traceback" not in said


def test_who_follows_a_job_does_not_keep_the_server_from_ending(tmp_path: Path) -> None:
    place = tmp_path / "kb"
    Workspace.init(place).close()
    with process(place) as server, server.client() as client:
        files = [("files", (f"{town}.md", f"# {town}\n\nA mill of {town}.\n".encode())) for town in TOWNS]
        job = ok(client.post("/api/documents", files=files), 202)
        with client.stream("GET", f"/api/jobs/{job['job_id']}/events") as events:
            lines = events.iter_lines()
            assert next(lines).startswith("id: ")
            code, said = server.end()
            assert not [line for line in lines if line == "event: job"], "the job goes on when a server runs again"
    assert (code, said) == (0, "")


def test_it_says_that_it_ends_and_that_it_ended_where_that_took_long(tmp_path: Path) -> None:
    place = tmp_path / "kb"
    Workspace.init(place).close()
    command = [sys.executable, "-m", "instill", "serve", str(place), "--port", "0"]
    for slow, signal_ in ((False, signal.SIGINT), (True, signal.SIGTERM)):
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            address = server.stderr.readline().split()[-1]
            server.stderr.readline()
            with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as caller:
                if slow:  # a request that has begun, and whose rest comes later
                    head = b"POST /api/search HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
                    caller.sendall(head + b"content-length: 14\r\n\r\n")
                    time.sleep(1)
                server.send_signal(signal_)
                assert server.stderr.readline() == f"{ENDING}\n"
                if slow:
                    time.sleep(1.5)
                    caller.sendall(b'{"query": "a"}')
                assert server.stderr.read() == ("Stopped.\n" if slow else "")
            assert server.wait(30) == 0


def _ended(client: httpx.Client) -> list[dict[str, str]]:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        jobs: list[dict[str, str]] = ok(client.get("/api/jobs"))["jobs"]
        if all(job["state"] not in ("waiting", "running") for job in jobs):
            return jobs
        time.sleep(0.2)
    raise AssertionError("the documents are still being read")


def _open(client: httpx.Client) -> int:
    """Requests that are being answered, this one among them."""
    return int(re.findall(r"^instill_requests_open (\d+)$", client.get("/metrics").text, re.MULTILINE)[0])
