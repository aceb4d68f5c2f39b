"""A forgetting that has begun: kept until its receipt is signed, so that one that was killed is finished."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from instill.common.durable_files import write_json
from instill.common.untrusted_files import read_small_json
from instill.errors import WorkspaceError
from instill.memory import FOLDER
from instill.memory.forgetting.receipts import Document

_FILE = "forgetting.json"


class Span(BaseModel):
    """The evidence of a fact, by its place and its hash.

    Example:
        >>> Span.of("d1", 0, "Tea.").is_in("Tea. Coffee."), Span.of("d1", 0, "Tea.").is_in("Coffee.")
        (True, False)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    doc_id: str
    start: int
    end: int
    hash: str

    @classmethod
    def of(cls, doc_id: str, start: int, text: str) -> Span:
        """Of this text at this place."""
        return cls(doc_id=doc_id, start=start, end=start + len(text), hash=_hash(text))

    def is_in(self, text: str) -> bool:
        """Does the text stand there?"""
        return _hash(text[self.start : self.end]) == self.hash


class Job(BaseModel):
    """What is to be forgotten; `span` of a fact. It holds names, numbers and hashes, no text.

    Args:
        asked, turns, cached: the exchanges that name it, which go too; see `instill.workspace.purge.questions_naming`.
        naming, taken: how many of those stay, and how many go.
        earlier_asked, earlier_turns, earlier_cached: the same exchanges in the file that the catalog was in before it
            was in a database.
        versions: what was kept of the documents for `restore`: earlier versions, and what has the same content.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["documents", "fact"]
    reference: str
    documents: tuple[Document, ...]
    span: Span | None = None
    asked: tuple[int, ...] = ()
    turns: tuple[int, ...] = ()
    cached: tuple[int, ...] = ()
    naming: int = 0
    taken: int = 0
    earlier_asked: tuple[int, ...] = ()
    earlier_turns: tuple[int, ...] = ()
    earlier_cached: tuple[int, ...] = ()
    versions: tuple[Document, ...] = ()


def begin(home: Path, job: Job) -> None:
    """Keep it until `end`."""
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    write_json(home / FOLDER / _FILE, job.model_dump(mode="json"))


def begun(home: Path) -> Job | None:
    """The one that was begun and not ended.

    Raises:
        WorkspaceError: the file is damaged.
    """
    file = home / FOLDER / _FILE
    try:
        return Job.model_validate(read_small_json(file))
    except FileNotFoundError:
        return None
    except (ValidationError, ValueError, RecursionError) as error:
        raise WorkspaceError(
            "The note on what is being forgotten is damaged.",
            where=str(file),
            remedy="Remove it and forget the document again.",
        ) from error


def end(home: Path) -> None:
    """It is done, and its receipt is kept."""
    (home / FOLDER / _FILE).unlink(missing_ok=True)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
