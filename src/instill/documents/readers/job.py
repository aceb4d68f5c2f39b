"""What a reader is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from instill.documents.text_decoding import Decoded, decoded
from instill.settings import DocumentSettings

OCR_SECONDS = 10.0
"""What a page that is read by OCR adds to the time that its file may take."""


class Alive(Protocol):
    """Told that the work goes on; `more` seconds are added to the file's time."""

    def __call__(self, more: float = 0.0) -> None: ...


def nothing(more: float = 0.0) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Job:
    """One source to read.

    Args:
        charset: the encoding that a server or mail named, or "".
        alive: called while a long job goes on (a page is done), so that a time limit counts silence, not work.
        encodings: how the source's text was decoded; filled while it is read.
    """

    data: bytes
    name: str
    kind: str
    settings: DocumentSettings
    charset: str = ""
    alive: Alive = nothing
    encodings: list[Decoded] = field(default_factory=list)

    def text(self) -> str:
        """The bytes as canonical text."""
        return self.decoded(decoded(self.data, charset=self.charset))

    def decoded(self, found: Decoded) -> str:
        """The text of `found`, whose encoding is noted."""
        self.encodings.append(found)
        return found.text
