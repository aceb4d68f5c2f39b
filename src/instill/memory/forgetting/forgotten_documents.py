"""Documents that were forgotten stay out: `.instill/memory/forgotten.json` holds hashes, no names and no text.

It holds forgotten facts too, see `instill.memory.forgetting.forgotten_facts`. Folders that share a catalog keep it
there too, so that none of them brings a document back (`shared_list.py`)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from instill.catalog import Catalog
from instill.common.durable_files import write_json
from instill.common.untrusted_files import read_small_json
from instill.errors import WorkspaceError
from instill.memory import FOLDER
from instill.memory.forgetting.forgotten_facts import ForgottenFact, hash_of_words
from instill.memory.forgetting.shared_list import change_shared, read_shared

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


def read_forgotten(home: Path, catalog: Catalog) -> Forgotten:
    """The record; empty where nothing was forgotten yet. With a shared catalog, what other folders forgot is in it too.

    Args:
        home: a workspace's `.instill`.

    Raises:
        WorkspaceError: it is damaged; a document that was forgotten must not come back unnoticed.
    """
    own, (documents, facts) = _own(home), read_shared(catalog)
    known = {(each.doc_id, each.hash) for each in own.facts}
    others = tuple(each for each in facts if (each.doc_id, each.hash) not in known)
    return Forgotten(documents=tuple(sorted({*own.documents, *documents})), facts=(*own.facts, *others))


def block(home: Path, catalog: Catalog, documents: Iterable[tuple[str, str]]) -> None:
    """Note, before they are removed, the sources and content hashes of documents that must not come back."""
    record = _own(home)
    hashed = tuple((_hash(source), content_hash) for source, content_hash in documents)
    change_shared(catalog, new=(hashed, ()))
    _write(home, record.model_copy(update={"documents": tuple(sorted({*record.documents, *hashed}))}))


def block_fact(home: Path, catalog: Catalog, fact_id: str, doc_id: str, source: str, evidence: str) -> None:
    """Note, before it is blanked, a fact whose words stay blank when the document is read anew."""
    record = _own(home)
    words, hashed = hash_of_words(evidence)
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    fact = ForgottenFact(fact_id=fact_id, day=day, doc_id=doc_id, source=_hash(source), words=words, hash=hashed)
    others = tuple(each for each in record.facts if (each.doc_id, each.hash) != (doc_id, hashed))
    change_shared(catalog, new=((), (fact,)))
    _write(home, record.model_copy(update={"facts": (*others, fact)}))


def share(home: Path, catalog: Catalog) -> None:
    """Tell a catalog that others will share what was forgotten in this folder before."""
    record = _own(home)
    change_shared(catalog, new=(record.documents, record.facts))


def allow(home: Path, catalog: Catalog, source: str) -> bool:
    """Let the documents of a source be added again; whether any was forgotten."""
    return _allow(home, catalog, lambda record: record.without_source(source))


def allow_content(home: Path, catalog: Catalog, start: str) -> bool:
    """Let documents with a content be added again; whether any was forgotten.

    Args:
        start: of the content's sha256, 16 hexadecimal digits or more; what is shorter allows nothing.
    """
    if not _START.fullmatch(start):
        return False
    return _allow(home, catalog, lambda record: record.without_content(start))


def is_forgotten(home: Path, catalog: Catalog, source: str) -> bool:
    """Whether documents of this source were forgotten."""
    record = read_forgotten(home, catalog)
    return record.without_source(source) != record


def _allow(home: Path, catalog: Catalog, without: Callable[[Forgotten], Forgotten]) -> bool:
    """In this folder's file and in what is shared."""
    own, (documents, facts) = _own(home), read_shared(catalog)
    shared = Forgotten(documents=documents, facts=facts)
    left, shared_left = without(own), without(shared)
    kept = frozenset(shared_left.documents), frozenset((each.doc_id, each.hash) for each in shared_left.facts)
    gone = tuple(each for each in facts if (each.doc_id, each.hash) not in kept[1])
    change_shared(catalog, gone=(tuple(each for each in documents if each not in kept[0]), gone))
    if left != own:
        _write(home, left)
    return left != own or shared_left != shared


def _own(home: Path) -> Forgotten:
    """What was forgotten in this folder."""
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


def _write(home: Path, record: Forgotten) -> None:
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    write_json(home / FOLDER / _FILE, record.model_dump(mode="json"))


def _hash(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
