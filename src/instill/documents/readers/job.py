"""What a reader is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from instill.documents.decoding import Decoded, decoded
from instill.settings import DocumentSettings


def _nothing() -> None:
    return None


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
    alive: Callable[[], None] = _nothing
    encodings: list[Decoded] = field(default_factory=list)

    def text(self) -> str:
        """The bytes as canonical text."""
        return self.decoded(decoded(self.data, charset=self.charset))

    def decoded(self, found: Decoded) -> str:
        """The text of `found`, whose encoding is noted."""
        self.encodings.append(found)
        return found.text
