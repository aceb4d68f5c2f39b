"""A process that writes to a store and kills itself between two steps of it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from instill.index.store import Index
from instill.index.types import IndexedDocument
from instill.settings import StoreSettings
from instill.testing.store_corpus import DIMENSION, FINGERPRINT, doc_id_of, document

STEPS = ("insert", "end", "set_head")
"""What a commit to a collection consists of."""


def version_of(number: int, version: int) -> IndexedDocument:
    """A document whose number of passages and every text say its version."""
    count = 1 + (7 * version + 3 * number) % 5
    texts = [f"document {number} version {version} passage {at}" for at in range(count)]
    return document(number, texts, metadata={"version": version}, labels=[f"v{version % 2}"])


def opened(folder: Path, settings: StoreSettings) -> Index:
    """The index in `folder`, made where there is none."""
    return Index.open(folder, dimension=DIMENSION, fingerprint=FINGERPRINT, create=True, settings=settings)


def replace_and_die(folder: str, settings: dict[str, str], numbers: list[int], version: int, moment: str) -> None:
    """Replace documents and remove one, and be killed at a moment.

    Args:
        moment: "insert:before", "end:after", ... of a collection's steps, or milliseconds from the start of the commit.
    """
    index = opened(Path(folder), StoreSettings.model_validate(settings))
    index.count()
    documents = [version_of(number, version) for number in numbers]
    if ":" in moment:
        _kill_at(*moment.split(":"))
    else:
        threading.Timer(float(moment) / 1000, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
    index.commit(documents)
    index.remove([doc_id_of(numbers[0])])
    os.kill(os.getpid(), signal.SIGKILL)


def write_versions(folder: str, settings: dict[str, str], numbers: list[int], versions: list[int]) -> None:
    """Replace documents by one version after the other."""
    index = opened(Path(folder), StoreSettings.model_validate(settings))
    for version in versions:
        index.commit([version_of(number, version) for number in numbers])
    index.close()


def _kill_at(step: str, when: str) -> None:
    from instill.index.stores.client_errors import Guarded

    original: Callable[..., Any] = getattr(Guarded, step)

    def killing(self: Guarded, *arguments: Any) -> None:
        if when == "after":
            original(self, *arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(Guarded, step, killing)
