"""Documents that were forgotten stay out: `.instill/memory/forgotten.json` holds hashes, no names and no text.

It holds forgotten facts too, see `instill.memory.forgetting.forgotten_facts`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from instill.common.durable_files import write_json
from instill.common.untrusted_files import read_small_json
from instill.errors import WorkspaceError
from instill.memory import FOLDER
from instill.memory.forgetting.forgotten_facts import ForgottenFact, hash_of_words

_FILE = "forgotten.json"
_START = re.compile("[0-9a-f]{16,64}")
_MOST_BYTES = 64_000_000


class Forgotten(BaseModel):
    """Hashes of sources and of contents that are not added again.

    Example:
        >>> forgotten = Forgotten().with_document("/a/letter.md", "0a1b")
        >>> forgotten.holds("/a/letter.md", "ffff"), forgotten.holds("/b/copy.md", "0a1b"), forgotten.holds("/b", "ff")
        (True, True, False)
        >>> forgotten.without_source("/a/letter.md").holds("/a/letter.md", "0a1b")
        False
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    documents: tuple[tuple[str, str], ...] = ()
    facts: tuple[ForgottenFact, ...] = ()

    def holds(self, source: str, content_hash: str) -> bool:
        """Was a document with this source or this content forgotten?"""
        hashed = _hash(source)
        return any(source_hash == hashed or content == content_hash for source_hash, content in self.documents)

    def with_document(self, source: str, content_hash: str) -> Forgotten:
        """The same with one more."""
        return self.model_copy(update={"documents": tuple(sorted({*self.documents, (_hash(source), content_hash)}))})

    def without_source(self, source: str) -> Forgotten:
        """The same without the documents of this source, and without facts of them."""
        hashed = _hash(source)
        kept = tuple(each for each in self.documents if each[0] != hashed)
        facts = tuple(each for each in self.facts if each.source != hashed)
        return self.model_copy(update={"documents": kept, "facts": facts})

    def without_content(self, start: str) -> Forgotten:
        """The same without the documents whose content hash begins so.

        Example:
            >>> Forgotten().with_document("/a", "0123456789abcdef01").without_content("0123456789abcdef").documents
            ()
        """
        kept = tuple(each for each in self.documents if not each[1].startswith(start))
        return self.model_copy(update={"documents": kept})


def read_forgotten(home: Path) -> Forgotten:
    """The record; empty where nothing was forgotten yet.

    Args:
        home: a workspace's `.instill`.

    Raises:
        WorkspaceError: it is damaged; a document that was forgotten must not come back unnoticed.
    """
    file = home / FOLDER / _FILE
    try:
        return Forgotten.model_validate(read_small_json(file, _MOST_BYTES))
    except FileNotFoundError:
        return Forgotten()
    except (ValidationError, ValueError, RecursionError) as error:
        raise WorkspaceError(
            "The record of forgotten documents is damaged.",
            where=str(file),
            remedy="Remove it, if documents that were forgotten may be added again.",
        ) from error


def block(home: Path, documents: Iterable[tuple[str, str]]) -> None:
    """Note, before they are removed, the sources and content hashes of documents that must not come back."""
    record = read_forgotten(home)
    for source, content_hash in documents:
        record = record.with_document(source, content_hash)
    _write(home, record)


def block_fact(home: Path, fact_id: str, doc_id: str, source: str, evidence: str) -> None:
    """Note, before it is blanked, a fact whose words stay blank when the document is read anew."""
    record = read_forgotten(home)
    words, hashed = hash_of_words(evidence)
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    fact = ForgottenFact(fact_id=fact_id, day=day, doc_id=doc_id, source=_hash(source), words=words, hash=hashed)
    others = tuple(each for each in record.facts if (each.doc_id, each.hash) != (doc_id, hashed))
    _write(home, record.model_copy(update={"facts": (*others, fact)}))


def allow(home: Path, source: str) -> bool:
    """Let the documents of a source be added again; whether any was forgotten."""
    record = read_forgotten(home)
    left = record.without_source(source)
    if left != record:
        _write(home, left)
    return left != record


def allow_content(home: Path, start: str) -> bool:
    """Let documents with a content be added again; whether any was forgotten.

    Args:
        start: of the content's sha256, 16 hexadecimal digits or more; what is shorter allows nothing.
    """
    record = read_forgotten(home)
    left = record.without_content(start) if _START.fullmatch(start) else record
    if left != record:
        _write(home, left)
    return left != record


def is_forgotten(home: Path, source: str) -> bool:
    """Whether documents of this source were forgotten."""
    record = read_forgotten(home)
    return record.without_source(source) != record


def _write(home: Path, record: Forgotten) -> None:
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    write_json(home / FOLDER / _FILE, record.model_dump(mode="json"))


def _hash(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
