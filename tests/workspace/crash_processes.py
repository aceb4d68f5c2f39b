"""What runs beside the crash test: `python -m tests.workspace.crash_processes add|sync|read|edit|forget ...`.

Writers that are killed, and a reader.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from instill import Workspace


def write(verb: str, path: str, folder: str) -> None:
    """`add` or `sync`, once it is warm."""
    with Workspace.open(path) as workspace:
        workspace.encoder.encode_queries(["warm"])
        print("ready", flush=True)
        if verb == "sync":
            workspace.sync()
        else:
            workspace.add([folder])


def read(path: str, stop: Path) -> str:
    """Search and look at whole documents until `stop` is there.

    Returns:
        How often, or what was mixed.
    """
    rounds = 0
    with Workspace.open(path) as workspace:
        while not stop.exists():
            hits = workspace.search("which release does machine 7 run", k=20).hits
            for doc_id in {hit.doc_id for hit in hits}:
                stored = workspace.index.document_text(doc_id)
                assert stored is not None
                releases = set(re.findall(r"release (\d+)", stored.text))
                if len(releases) != 1:
                    return f"releases {sorted(releases)} in one document"
            rounds += 1
    return str(rounds)


def edit(path: str, first: int) -> None:
    """Put one document in with another number, again and again."""
    with Workspace.open(path) as workspace:
        workspace.encoder.encode_queries(["warm"])
        print("ready", flush=True)
        for number in range(first, first + 1000):
            workspace.add_text(f"The pressure of the pump is {number} millibar.", name="pump.md")
            print(number, flush=True)


def forget(path: str, reference: str) -> None:
    """Forget a document, once it is warm."""
    with Workspace.open(path) as workspace:
        workspace.encoder.encode_queries(["warm"])
        print("ready", flush=True)
        workspace.forget(reference)


if __name__ == "__main__":
    if sys.argv[1] == "edit":
        edit(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1] == "forget":
        forget(sys.argv[2], sys.argv[3])
    elif sys.argv[1] == "read":
        print(read(sys.argv[2], Path(sys.argv[3])))
    else:
        write(*sys.argv[1:])
