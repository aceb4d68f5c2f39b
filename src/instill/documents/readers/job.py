"""What a reader is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from instill.documents.decoding import decode
from instill.settings import DocumentSettings


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Job:
    """One source to read.

    Args:
        charset: the encoding that a server or mail named, or "".
        alive: called while a long job goes on (a page is done), so that a time limit counts silence, not work.
    """

    data: bytes
    name: str
    kind: str
    settings: DocumentSettings
    charset: str = ""
    alive: Callable[[], None] = _nothing

    def text(self) -> str:
        """The bytes as canonical text."""
        return decode(self.data, charset=self.charset)
