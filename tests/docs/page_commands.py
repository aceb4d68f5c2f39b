"""Runs the commands of a page in forks of one process that has imported the slow packages already.

Every command is a process of its own, as it is for a user, with the caller's folder, environment and streams; only the
seconds of importing, which a hundred commands pay on these pages, are paid once. That a command starts by itself is
tested in tests/cli.

The server is this file with the path of a socket; it prints a line when it listens. A request is a JSON line with
`arguments` (as after `python`), `folder` and `environment`, sent with the three streams; the reply is the exit code.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import socket
import sys
import types
from pathlib import Path
from typing import Any

# What commands import and what starts no thread by that: threads do not survive a fork. (lancedb and onnxruntime start
# one; duckdb complains at the end.)
SLOW = (
    "lance_namespace", "pandas", "pyarrow.dataset", "tokenizers", "openai",
    "semantic_text_splitter", "bs4", "lxml.html", "markdown_it", "torch", "transformers", "instill.cli.main",
    "instill.workspace", "instill.answering", "instill.training", "instill.train.generator.loop",
)  # fmt: skip


def main() -> None:
    for name in SLOW:
        importlib.import_module(name)
    threads = {
        file.read_text().strip()
        for file in Path("/proc/self/task").glob("*/comm")
        if file.parent.name != str(os.getpid())
    }
    if threads - {"jemalloc_bg_thd"}:  # Arrow's allocator starts its thread anew after a fork
        sys.exit(f"Threads that a fork would lose: {sorted(threads)}")
    gc.freeze()  # so that collecting in a command does not copy what is shared
    run(next_command(sys.argv[1]))


def next_command(path: str) -> list[str]:
    """Serve; returns only in a fork, which has become the process of one command."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if os.fork() == 0:
                break
            connection.close()
    asked, streams = receive(connection)
    command = os.fork()
    if command:
        for stream in streams:  # a pipe ends when its writers are gone
            os.close(stream)
        code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
        connection.sendall(b"%d\n" % (code if code >= 0 else 128 - code))
        os._exit(0)
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    arguments: list[str] = asked["arguments"]
    return arguments


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    message, streams, _, _ = socket.recv_fds(connection, 1 << 16, 3)
    while not message.endswith(b"\n"):
        message += connection.recv(1 << 16)
    return json.loads(message), streams


def run(arguments: list[str]) -> None:
    """`-m MODULE ...`, `-c PROGRAM ...` or `-`, as Python itself takes them."""
    if arguments[0] == "-m":
        sys.argv = ["-m", *arguments[2:]]
        sys.path.insert(0, "")
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return
    program, rest = (sys.stdin.read(), arguments) if arguments[0] == "-" else (arguments[1], ["-c", *arguments[2:]])
    sys.argv = rest
    sys.path.insert(0, "")
    sys.modules["__main__"] = types.ModuleType("__main__")
    exec(compile(program, "<program>", "exec"), sys.modules["__main__"].__dict__)


if __name__ == "__main__":
    main()
