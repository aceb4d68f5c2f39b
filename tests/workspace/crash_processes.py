"""What runs beside the crash test: writers that are killed, and a reader.

They are forked from a process that has imported what is slow and starts no thread, so a round takes a second less.
"""

from __future__ import annotations

import multiprocessing
import os
import re
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from instill import Workspace

SLOW = ["lance_namespace", "pandas", "pyarrow.dataset", "sqlalchemy.dialects.sqlite", "instill.workspace"]
ENVIRONMENT = {"INSTILL_DOCUMENTS__PASSAGE_TOKENS": "48"}


class Running:
    """A process and what it says."""

    def __init__(self, work: Callable[..., None], *arguments: Any) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(SLOW)
        self._said, saying = context.Pipe(duplex=False)
        self.process: ForkServerProcess = context.Process(target=work, args=(saying, *arguments))
        self.process.start()
        saying.close()

    def said(self) -> Any:
        """The next that it says; EOFError when it ended without a word."""
        return self._said.recv()

    def kill(self) -> bool:
        """SIGKILL; was it running?"""
        running = self.process.is_alive()
        self.process.kill()
        self.process.join()
        self._said.close()
        return running


def write(say: Connection, path: str, folder: str, verb: str) -> None:
    """`add` or `sync`, once it is warm."""
    os.environ.update(ENVIRONMENT)
    with Workspace.open(path) as workspace:
        workspace.encoder.encode_queries(["warm"])
        say.send("ready")
        if verb == "sync":
            workspace.sync()
        else:
            workspace.add([folder])


def read(say: Connection, path: str, stop: Path) -> None:
    """Search and look at whole documents until `stop` is there; says how often, or what was mixed."""
    os.environ.update(ENVIRONMENT)
    rounds = 0
    with Workspace.open(path) as workspace:
        while not stop.exists():
            hits = workspace.search("which release does machine 7 run", k=20).hits
            for doc_id in {hit.doc_id for hit in hits}:
                stored = workspace.index.document_text(doc_id)
                assert stored is not None
                releases = set(re.findall(r"release (\d+)", stored.text))
                if len(releases) != 1:
                    say.send(f"releases {sorted(releases)} in one document")
                    return
            rounds += 1
    say.send(rounds)
