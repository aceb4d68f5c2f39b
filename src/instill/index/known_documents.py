"""The documents that were read last from one version of a table: several questions are answered from the same ones."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from instill.index.lookup import StoredDocument

_MOST_CHARACTERS = 4_000_000
_MOST_AT_ONCE = 16

Read = Callable[[Sequence[str]], dict[str, StoredDocument]]


class KnownDocuments:
    """Keeps at most 4 million characters; threads may share it. Another version begins with nothing.

    A document is kept as a caller with certain labels sees it, and so is that there is none for them.
    """

    def __init__(self) -> None:
        self._version = -1
        self._found: OrderedDict[tuple[str, frozenset[str] | None], StoredDocument | None] = OrderedDict()
        self._characters = 0
        self._lock = threading.Lock()

    def of(
        self, version: int, doc_ids: Sequence[str], labels: Sequence[str] | None, read: Read
    ) -> dict[str, StoredDocument]:
        """Documents by id, without those that the caller may not see; `read` is called with those that are not known.

        Who reads many at once reads all documents once, and displaces none.
        """
        if len(doc_ids) > _MOST_AT_ONCE:
            return read(doc_ids)
        held = None if labels is None else frozenset(labels)
        found: dict[str, StoredDocument | None] = {}
        with self._lock:
            self._begin(version)
            for doc_id in doc_ids if version == self._version else ():
                if (doc_id, held) in self._found:
                    self._found.move_to_end((doc_id, held))
                    found[doc_id] = self._found[doc_id, held]
        new = [doc_id for doc_id in dict.fromkeys(doc_ids) if doc_id not in found]
        if new:
            stored = read(new)
            found.update({doc_id: stored.get(doc_id) for doc_id in new})
            self._keep(version, {(doc_id, held): found[doc_id] for doc_id in new})
        return {doc_id: each for doc_id, each in found.items() if each is not None}

    def _begin(self, version: int) -> None:
        if version > self._version:
            self._version, self._characters = version, 0
            self._found.clear()

    def _keep(self, version: int, new: dict[tuple[str, frozenset[str] | None], StoredDocument | None]) -> None:
        with self._lock:
            if version != self._version:  # A commit came meanwhile, or the reader holds an older version.
                return
            for key, stored in new.items():
                if key not in self._found:
                    self._found[key] = stored
                    self._characters += _size(stored)
            while self._characters > _MOST_CHARACTERS:
                self._characters -= _size(self._found.popitem(last=False)[1])


def _size(stored: StoredDocument | None) -> int:
    return 100 if stored is None else 1000 + len(stored.text)
