"""Runs Python programs in forks of one process that has imported the slow packages already.

Every program is a process of its own, as it is for a user, with the caller's folder, environment and streams, and can
be killed as any other; only the seconds of importing, which hundreds of them pay in the tests, are paid once. That a
command starts by itself is tested in tests/cli.

The server is this file with the path of a socket; it prints a line when it listens. A request is a JSON line with
`arguments` (as after `python`), `folder` and `environment`, sent with the three streams; the reply is the number of the
process, and when it has ended a second line with the exit code.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What programs import and what starts no thread by that: threads do not survive a fork. (onnxruntime starts one;
# duckdb complains at the end.)
SLOW = (
    "lance_namespace", "pandas", "pyarrow.dataset", "tokenizers", "openai", "sqlalchemy.dialects.sqlite",
    "semantic_text_splitter", "bs4", "lxml.html", "markdown_it", "torch", "transformers", "instill.cli.main",
    "instill.workspace", "instill.answer.for_caller", "instill.train.pipeline", "instill.train.generator.loop.loop",
    "transformers.models.llama.modeling_llama", "peft",
)  # fmt: skip


def main() -> None:
    for name in SLOW:
        with contextlib.suppress(ModuleNotFoundError):  # an installation without torch
            importlib.import_module(name)
    start_loop = import_lancedb()
    open_tokenizers()
    threads = {
        file.read_text().strip()
        for file in Path("/proc/self/task").glob("*/comm")
        if file.parent.name != str(os.getpid())
    }
    if threads - {"jemalloc_bg_thd"}:  # Arrow's allocator starts its thread anew after a fork
        sys.exit(f"Threads that a fork would lose: {sorted(threads)}")
    gc.freeze()  # so that collecting in a program does not copy what is shared
    arguments = next_program(sys.argv[1])
    start_loop()
    end(run, arguments)


def end(program: Callable[[list[str]], None], arguments: list[str]) -> None:
    """Run, and end as the interpreter does, but without giving back the memory: that takes half a second here."""
    code: int | str | None = 0
    try:
        program(arguments)
    except SystemExit as asked:
        code = asked.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(1 if isinstance(code, str) else code or 0)


def open_tokenizers() -> None:
    """Those of the shipped models, which nearly every program opens."""
    from instill.models.encoders.shared_tokenizers import tokenizer_of
    from instill.models.weights import shipped

    manifest = json.loads((shipped() / "encoder.json").read_text(encoding="utf-8"))
    for most_tokens in (0, int(manifest["max_tokens"])):
        tokenizer_of(shipped() / "tokenizer.json", most_tokens)


def import_lancedb() -> Callable[[], None]:
    """Import it without the thread of its event loop.

    Returns:
        What starts the loop, in the process that needs it.
    """
    from instill.index.lance_tables import imported_lancedb

    thread: Any = threading.Thread
    start, thread.start = thread.start, lambda _: None
    try:
        imported_lancedb()
    finally:
        thread.start = start
    from lancedb import background_loop

    loop: Any = background_loop.LOOP
    loop._start = lambda: None  # Newer releases start it in every fork, of which only the last one needs it.
    warnings.filterwarnings("ignore", message="lancedb fork support")  # Nothing was opened before the fork.

    def start_loop() -> None:
        del loop._start
        loop.__init__()

    return start_loop


def next_program(path: str) -> list[str]:
    """Serve; returns only in a fork, which has become the process of one program."""
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes)  # A program's end is told as soon as it ends.
    running: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{path}.new")
        server.listen(100)
        Path(f"{path}.new").rename(path)  # Who finds it can connect.
        parent, listening = os.getppid(), server.fileno()
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([listening, woken], [], [], 5)
            if woken in ready:
                os.read(woken, 4096)
                tell_ended(running)
            if not ready and os.getppid() != parent:  # The tests were killed, and cannot end what they began.
                os.killpg(0, signal.SIGKILL)
            if listening not in ready:
                continue
            connection, _ = server.accept()
            try:
                asked, streams = receive(connection)
            except EOFError:  # Who asked was killed.
                connection.close()
                continue
            program = os.fork()
            if program == 0:
                break
            for stream in streams:  # a pipe ends when its writers are gone
                os.close(stream)
            running[program] = connection
            say(connection, program)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.close(woken)
    os.close(wakes)
    for each in (connection, *running.values()):
        each.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path += [folder for folder in known if folder and folder not in sys.path]
    arguments: list[str] = asked["arguments"]
    return arguments


def tell_ended(running: dict[int, socket.socket]) -> None:
    """Say the exit code of each program that has ended."""
    with contextlib.suppress(ChildProcessError):  # none is left
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            connection = running.pop(ended[0])
            code = os.waitstatus_to_exitcode(ended[1])
            say(connection, code if code >= 0 else 128 - code)
            connection.close()


def say(connection: socket.socket, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody has to wait for the end
        connection.sendall(b"%d\n" % number)


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    message, streams, _, _ = socket.recv_fds(connection, 1 << 16, 3)
    while not message.endswith(b"\n"):
        more = connection.recv(1 << 16)
        if not more:
            raise EOFError
        message += more
    return json.loads(message), streams


def run(arguments: list[str]) -> None:
    """`-m MODULE ...`, `-c PROGRAM ...`, `-` or `FILE ...`, as Python itself takes them."""
    if arguments[0] == "-m":
        sys.argv = ["-m", *arguments[2:]]
        sys.path.insert(0, "")
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return
    if not arguments[0].startswith("-"):
        sys.argv = arguments
        sys.path.insert(0, str(Path(arguments[0]).parent))
        runpy.run_path(arguments[0], run_name="__main__")
        return
    program, rest = (sys.stdin.read(), arguments) if arguments[0] == "-" else (arguments[1], ["-c", *arguments[2:]])
    sys.argv = rest
    sys.path.insert(0, "")
    sys.modules["__main__"] = types.ModuleType("__main__")
    exec(compile(program, "<program>", "exec"), sys.modules["__main__"].__dict__)


if __name__ == "__main__":
    main()
