"""What a source hands over when it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from instill.documents.document import Scalar


@dataclass(frozen=True, slots=True)
class Loaded:
    """A source's bytes, with what the server said of them; `fields` become metadata of the document."""

    data: bytes
    content_type: str = ""
    modified: str = ""
    fields: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Content:
    """What is told of a source's bytes without them: sha256 (hexadecimal), size in bytes, and as `Loaded` has it."""

    content_hash: str
    size: int
    modified: str
    fields: Mapping[str, Scalar]

    @classmethod
    def of(cls, loaded: Loaded) -> Content:
        """Of what was loaded."""
        content_hash = hashlib.sha256(loaded.data).hexdigest()
        return cls(content_hash, len(loaded.data), loaded.modified, loaded.fields)
