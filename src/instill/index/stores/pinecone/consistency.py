"""What was written is read only after a while: the head of an index, and waiting.

Writes to a namespace get ascending places in its log, and who reads the effect of one write reads those of all before
it. So one row, whose id is 0 and which no search finds, is written after the others: once it is seen as it was written,
by a search and by a fetch, all is seen.

The head is in that row, and in a file of the generation's folder, which is never behind. Of both the one with the
higher number counts. A commit is done when the file is written: a process that looks too early at Pinecone could
otherwise see the old head, take the commit for a broken one, and delete its rows.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from instill.common.durable_files import write_json
from instill.index.stores.requests import wait_until

NAMESPACE = "rows"
FIRST = "0"
_FILE = "head.json"
WAIT_S = 60.0
"""How long a commit waits until Pinecone shows what was written."""


@dataclass(frozen=True, slots=True)
class Head:
    """What `set_head` wrote, numbered."""

    number: int = 0
    text: str = ""


def first_row(documents: Any, dimension: int) -> None:
    """Write the row that has the head; with it the namespace is there."""
    vector = [1.0] + [0.0] * (dimension - 1)
    row = {"_id": FIRST, "document": 0, "born": 0, "died": 0, "number": 0, "token": "-", "vector": vector}
    documents.upsert(namespace=NAMESPACE, documents=[row])


class Settling:
    """The head of an index, and what waits for its log.

    Args:
        documents: of the client's index.
        folder: of the generation.
        dimension: of its vectors.
        where: for messages.
    """

    def __init__(self, documents: Any, folder: Path, dimension: int, where: str) -> None:
        self._documents, self._file, self._where = documents, folder / _FILE, where
        self._vector = [1.0] + [0.0] * (dimension - 1)
        self._remote = self._fetched()[0]

    def head(self) -> Head:
        """The newest."""
        return max(self._remote, self._local(), key=lambda head: head.number)

    def set_head(self, text: str) -> None:
        """Write it when all that was written before is seen."""
        head = Head(self.head().number + 1, text)
        self._written({"number": head.number, "head": text})
        write_json(self._file, asdict(head))

    def settle(self) -> None:
        """Wait until all is seen that any process wrote, a head among it."""
        self._remote = self._written({})
        newest = self.head()
        if newest.text:  # one that was sent and arrives only after this is older than what the file says from now on
            write_json(self._file, asdict(Head(newest.number + 2, newest.text)))

    def _written(self, fields: dict[str, Any]) -> Head:
        """Change the first row, and wait until that is seen; the head that is seen then."""
        token = secrets.token_hex(8)
        patch = {"_id": FIRST, "token": token, **fields}
        done = self._documents.update(namespace=NAMESPACE, documents=[patch])
        place = done.response_info.lsn_committed if done.response_info is not None else None
        is_searched, found = False, Head()

        def is_seen() -> bool:
            nonlocal is_searched, found
            is_searched = is_searched or self._is_searched(token, place)
            found, seen = self._fetched()
            return is_searched and seen == token

        wait_until(
            is_seen,
            WAIT_S,
            late=f"Pinecone did not show within {WAIT_S:.0f} seconds what was written to it.",
            where=self._where,
            remedy="Run the command again. What was sent is there as a whole or not at all, and nothing twice.",
        )
        return found

    def _is_searched(self, token: str, place: int | None) -> bool:
        """Whether a search sees the log up to `place`; where the service does not tell, up to the row with `token`."""
        found = self._documents.search(
            namespace=NAMESPACE,
            score_by=[{"type": "dense_vector", "field": "vector", "values": self._vector}],
            top_k=1,
            filter={"token": {"$eq": token}},
        )
        if place is not None and found.response_info is not None and found.response_info.lsn_reconciled is not None:
            return bool(found.response_info.is_reconciled(place))
        return bool(found.matches)

    def _fetched(self) -> tuple[Head, str]:
        found = self._documents.fetch(namespace=NAMESPACE, ids=[FIRST], include_fields=["number", "head", "token"])
        row = found.documents.get(FIRST)
        if row is None:
            return Head(), ""
        return Head(int(row.get("number", 0)), str(row.get("head", ""))), str(row.get("token", ""))

    def _local(self) -> Head:
        try:
            return Head(**json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return Head()
