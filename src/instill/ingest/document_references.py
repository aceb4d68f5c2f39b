"""What a person calls a document: its id, the start of it, its path, a pattern, or a folder."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from instill.documents.bucket_addresses import endpoint_in, followed_as, is_in_bucket, place_of
from instill.documents.sources import can_be_stored
from instill.errors import UsageError
from instill.index.types import DocumentRecord
from instill.settings.location import expanded

_SHOWN = 5
_LEAST_OF_ID = 4
"""Characters of an id: one letter is soon typed by mistake, and what is removed or forgotten by it is gone."""

_LONGEST = 200


class Listed(Protocol):
    """What has documents: an index, or what was removed from it."""

    def records(
        self,
        sources: Sequence[str] | None = None,
        *,
        doc_ids: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
    ) -> list[DocumentRecord]:
        """See `Index.records`."""
        ...


class SeveralMeant(UsageError):
    """A name that several documents have.

    Args:
        choices: where the first of them lie.
        more: how many others there are.
    """

    def __init__(self, what: str, *, choices: Sequence[str], more: int, where: str = "", remedy: str = "") -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.choices, self.more = tuple(choices), more


def resolve(index: Listed, reference: str, *, labels: Sequence[str] | None = None, many: bool) -> list[DocumentRecord]:
    """The documents that `reference` names: exactly one unless `many`, and at least one.

    With `many`, only a folder or a pattern names several documents. A file's name that several have, or the start of
    several ids, is a mistake: what is done with them cannot always be undone.

    A document's source wins over an id, an id over the start of one, and all of them over a folder or pattern.

    Raises:
        UsageError: nothing is named so, or several documents are that are not meant.
    """
    found = meant(index, reference, labels=labels, many=many)
    if not found:
        raise UsageError(
            "No document has this name or id.",
            where=_cut(reference),
            remedy="List the documents: instill status --documents",
        )
    return found


def _cut(reference: str) -> str:
    """The reference as a message shows it."""
    return reference if len(reference) <= _LONGEST else f"{reference[: _LONGEST - 1]}…"


def meant(index: Listed, reference: str, *, labels: Sequence[str] | None = None, many: bool) -> list[DocumentRecord]:
    """As `resolve`, or none.

    Raises:
        UsageError: several documents have the name that are not meant.
    """
    found = named(index, reference, labels=labels)
    if len(found) > 1 and not (many and _means_several(found, at_its_endpoint(index, reference, labels=labels))):
        shown = ", ".join(record.source for record in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise SeveralMeant(
            f"Several documents have this name: {shown}{more}.",
            choices=[record.source for record in found[:_SHOWN]],
            more=max(0, len(found) - _SHOWN),
            where=_cut(reference),
            remedy=f'Name one by its path or id, or all by a pattern: "*/{_cut(reference)}"'
            if many
            else "Name one of them.",
        )
    return found


def named(index: Listed, reference: str, *, labels: Sequence[str] | None = None) -> list[DocumentRecord]:
    """Whatever the reference fits; any number of documents, or none."""
    held = None if labels is None else tuple(labels)
    source = absolute(at_its_endpoint(index, reference, labels=labels))
    found = index.records([reference, source, f"stdin:{reference}"], labels=held)
    found = found or index.records(doc_ids=[reference], labels=held)
    if not found:
        everything = index.records(labels=held)
        is_long = len(reference) >= _LEAST_OF_ID
        found = [record for record in everything if is_long and record.doc_id.startswith(reference.lower())]
        found = found or [record for record in everything if _is_named(record, reference, source)]
    return found


def at_its_endpoint(index: Listed, reference: str, *, labels: Sequence[str] | None = None) -> str:
    """`s3://BUCKET/...` as the place of documents: at AWS, or else at the one endpoint that has some in this bucket.
    Any other reference stays as it is.

    Raises:
        UsageError: several endpoints have documents in a bucket of this name.
    """
    place = place_of(reference)
    if not is_in_bucket(reference) or endpoint_in(place):
        return place
    bucket, slash, name = place.removeprefix("s3://").partition("/")
    records = index.records(labels=None if labels is None else tuple(labels))
    sources = [record.source for record in records if is_in_bucket(record.source)]
    if any(source.startswith(f"s3://{bucket}/") for source in sources):
        return place
    hosts = {endpoint_in(source) for source in sources}
    having = sorted(host for host in hosts if any(source.startswith(f"s3://{host}/{bucket}/") for source in sources))
    if len(having) > 1:
        raise UsageError(
            f"Several endpoints have a bucket of this name: {', '.join(having)}.",
            where=reference,
            remedy=f"Write for example: s3://{having[0]}/{bucket}{slash}{name}",
        )
    return f"s3://{having[0]}/{bucket}{slash}{name}" if having else place


def _means_several(found: Sequence[DocumentRecord], reference: str) -> bool:
    """A pattern, or a folder in which all of them are."""
    folder = absolute(reference).rstrip("/") + "/"
    return has_wildcard(reference) or all(record.source.startswith(folder) for record in found)


def _is_named(record: DocumentRecord, reference: str, source: str) -> bool:
    if record.source.startswith(source.rstrip("/") + "/"):
        return True
    if has_wildcard(reference):
        return fnmatch.fnmatchcase(record.source, source) or fnmatch.fnmatchcase(record.source, reference)
    return record.source.endswith("/" + reference.lstrip("./"))


def absolute(path: str, base: Path | None = None) -> str:
    """A path as a source: absolute, with "/" between folders. Addresses and "stdin:" names stay as they are; one in
    object storage loses its options (`instill.documents.bucket_addresses.place_of`).

    Links are not followed: a file is known by the name that its user gives it.
    """
    if is_in_bucket(path):
        return place_of(path)
    if "://" in path or path.startswith("stdin:"):
        return path
    joined = os.path.abspath(os.path.join(base or Path.cwd(), expanded(path)))  # noqa: PTH100, PTH118
    return joined.replace(os.sep, "/")


def absolute_all(paths: Iterable[str]) -> list[str]:
    """`absolute` of each, in order, each once."""
    return list(dict.fromkeys(absolute(path) for path in paths))


def roots_of(paths: Iterable[str]) -> list[str]:
    """The paths that `sync` can follow, as it follows them, in order, each once.

    An address with a user name or password, and one that is none, is not kept.
    """
    found = [followed_as(path) if is_in_bucket(path) else absolute(path) for path in paths]
    return list(dict.fromkeys(root for root in found if root and can_be_followed(root)))


def has_wildcard(text: str) -> bool:
    """Whether a path is a pattern.

    Example:
        >>> has_wildcard("docs/*.md"), has_wildcard("docs/notes.md")
        (True, False)
    """
    return any(letter in text for letter in "*?[")


def can_be_followed(root: str) -> bool:
    """Whether `sync` has something to look at: an address without a password, a pattern, or a path that is there."""
    if not can_be_stored(root):
        return False
    if "://" in root:
        return "@" not in root.partition("://")[2].partition("/")[0]
    return has_wildcard(root) or Path(root).exists()
