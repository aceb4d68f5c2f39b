"""Documents in object storage: the objects below `s3://BUCKET/PREFIX`, and their bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from instill.common.extras import needed
from instill.common.object_storage.address import (
    FORM,
    REQUEST_S,
    Access,
    Address,
    NoAddress,
    PasswordInAddress,
    Use,
)
from instill.common.object_storage.failures import (
    ATTEMPTS,
    explained,
    is_broken_off,
    is_denied,
    is_of_client,
    persistently,
)
from instill.documents.bucket_addresses import address_of, source_of
from instill.documents.limits_before_parsing import check_size
from instill.documents.loaded_bytes import Loaded
from instill.errors import DocumentError, InstillError, UsageError
from instill.settings import DocumentSettings

if TYPE_CHECKING:
    import pathspec

    from instill.documents.sources import Source, SourceProblem

ETAG = "etag"
"""The field that keeps what the storage calls this content of an object."""

_PAGE = 1000
_CHUNK = 1 << 20
_FETCH_S = 600  # the longest that one object may take
_USE = Use(
    address="the address",
    key="",
    role="AWS_EC2_METADATA_DISABLED=false",
    rights="They need to list the bucket (s3:ListBucket) and to read the objects below the prefix (s3:GetObject).",
)


@dataclass(frozen=True, slots=True)
class BucketObject:
    """An object as a listing told of it.

    Args:
        address: its prefix is the object's whole name.
        size: bytes.
        etag: what the storage calls this content of it; "" when it does not.
    """

    address: Address
    size: int
    etag: str


# -- listing -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Hidden:
    """A folder that cannot be listed because of an object's name, which the client refuses."""

    folder: str
    name: str


_Found = Mapping[str, Any] | _Hidden


def find_objects(named: str, spec: pathspec.GitIgnoreSpec) -> Iterator[Source | SourceProblem]:
    """All objects below an address, in the order of their names, and the object that it names; nothing is fetched.

    Args:
        spec: what is left out, relative to the address. An object that is named itself is always taken.
    """
    try:
        address = address_of(named)
    except NoAddress as error:
        yield _no_address(named, error)
        return
    place, count = source_of(address), 0
    try:
        with _errors(address):
            for found in _at(_client(address), address.prefix):
                count += 1
                if isinstance(found, _Hidden):
                    yield _hidden(source_of(replace(address, prefix=found.folder)), found.name)
                    continue
                relative = str(found["path"]).removeprefix(address.prefix).lstrip("/")
                if not relative or not spec.match_file(relative):
                    yield _source(address, found)
    except InstillError as error:
        yield _problem(place, error.what, error.command, below="unknown")
        return
    if not count:
        remedy = "Check it. A pattern is not looked for in a bucket: add what is above it."
        yield _problem(place, "There is nothing at this address.", remedy, below="nothing")


def look_at(named: str) -> str:
    """Whether an address can be listed, in words.

    Raises:
        UsageError: it is no address, or there are no credentials.
        MissingDependency: obstore is not installed.
        WorkspaceError: the storage refuses, or cannot be reached.
    """
    try:
        address = address_of(named)
    except NoAddress as error:
        raise UsageError(f"This is not an address of object storage: {error}.", remedy=FORM) from None
    with _errors(address):
        return "can be listed" if next(_at(_client(address), address.prefix), None) else "nothing is there"


def _at(client: Any, prefix: str) -> Iterator[_Found]:
    """What is below a prefix, then the object of that very name. Who may not list may still read one object."""
    import obstore

    refused, count = None, 0
    try:
        for found in _without_markers(_below(client, prefix)):
            count += 1
            yield found
    except Exception as error:
        if not (prefix and is_denied(error)):
            raise
        refused = error
    if not prefix:
        return
    try:
        yield obstore.head(client, prefix)
    except Exception as error:
        if refused is not None:
            raise refused from error
        if not count and not isinstance(error, FileNotFoundError):
            raise


def _below(client: Any, prefix: str) -> Iterator[_Found]:
    """The objects below a prefix. The client refuses a whole listing for one name; then it is listed by folders."""
    import obstore
    from obstore.exceptions import InvalidPathError

    try:
        yield from _pages(client, prefix)
        return
    except InvalidPathError as error:
        name = re.search(r'path: "((?:[^"\\]|\\.)*)"', str(error))
    try:
        level = persistently(lambda: obstore.list_with_delimiter(client, prefix or None))
    except InvalidPathError:
        yield _Hidden(prefix, name[1] if name else "?")
        return
    folders = list(level["common_prefixes"])
    yield from (each for each in level["objects"] if each["size"] or each["path"] not in folders)
    for folder in folders:
        yield from _below(client, folder)


def _pages(client: Any, prefix: str) -> Iterator[Mapping[str, Any]]:
    """The listing, page by page; where an answer breaks off, it goes on from the last object."""
    import obstore

    last: str | None = None
    broken = 0
    while True:
        try:
            for page in obstore.list(client, prefix or None, offset=last, chunk_size=_PAGE):
                for each in page:
                    yield each
                    last = each["path"]
            return
        except Exception as error:
            broken += 1
            if broken == ATTEMPTS or not is_broken_off(error):
                raise


def _without_markers(listed: Iterable[_Found]) -> Iterator[_Found]:
    """Without the empty objects that some programs make for folders ("docs/"; the client leaves the "/" away)."""
    held: Mapping[str, Any] | None = None
    for each in listed:
        path = each.folder if isinstance(each, _Hidden) else str(each["path"])
        if held is not None and not path.startswith(held["path"] + "/"):
            yield held
        held = None
        if isinstance(each, _Hidden) or each["size"]:
            yield each
        elif "." in path.rpartition("/")[2]:
            held = each
    if held is not None:
        yield held


def _source(address: Address, found: Mapping[str, Any]) -> Source:
    from instill.documents.sources import Source

    at = replace(address, prefix=str(found["path"]))
    return Source(
        source_of(at),
        size=int(found["size"]),
        modified=_time(found["last_modified"]),
        object=BucketObject(at, int(found["size"]), found["e_tag"] or ""),
    )


def _time(found: datetime) -> str:
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _no_address(named: str, error: NoAddress) -> SourceProblem:
    rest = re.split(r"[?#]", named.partition("://")[2], maxsplit=1)[0]
    if isinstance(error, PasswordInAddress):
        what = "An address with a user name or password in it is not used: it would be stored in the index."
        return _problem(f"s3://{rest.rpartition('@')[2]}", what, "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
    return _problem(f"s3://{rest}", f"This is not an address of object storage: {error}.", f"Write {FORM}.")


def _hidden(place: str, name: str) -> SourceProblem:
    what = f'It cannot be listed: an object in it has a name that cannot be a path: "{name}".'
    return _problem(place, what, "Rename or delete this object. Until then, add the other folders.", below="unknown")


def _problem(source: str, what: str, remedy: str, *, below: Literal["", "unknown", "nothing"] = "") -> SourceProblem:
    from instill.documents.sources import SourceProblem

    return SourceProblem(source, DocumentError(what, where=source, remedy=remedy), below)


# -- fetching ----------------------------------------------------------------------------------------------------------


def fetch(wanted: BucketObject, settings: DocumentSettings) -> Loaded:
    """The bytes of an object as it is now; at most a piece more than `max_file_mb` is read.

    Raises:
        DocumentError: it is too large, gone, archived, or these credentials may not read it.
        WorkspaceError: the storage as a whole cannot be used.
        UsageError: there are no credentials.
        MissingDependency: obstore is not installed.
    """
    place = source_of(wanted.address)
    client = _client(wanted.address, request_s=_FETCH_S)
    with _errors(wanted.address):
        try:
            check_size(wanted.size, settings)
            found, data = persistently(lambda: _read(client, wanted.address.prefix, settings))
            check_size(len(data), settings)
        except DocumentError as error:
            raise DocumentError(error.what, where=place, remedy=error.command) from error
        except Exception as error:
            raise _of_object(error, place) from error
    return Loaded(data, modified=_time(found["last_modified"]), fields={ETAG: found["e_tag"] or ""})


def _read(client: Any, name: str, settings: DocumentSettings) -> tuple[Mapping[str, Any], bytes]:
    import obstore

    most = int(settings.max_file_mb * 1024**2)
    answer = obstore.get(client, name)
    found, body = answer.meta, bytearray()
    for chunk in answer.stream(min_chunk_size=_CHUNK):
        body += bytes(chunk)
        if len(body) > most:
            return found, bytes(body)
    if len(body) != found["size"]:
        raise OSError(f"connection closed: {len(body)} of {found['size']} bytes came")
    return found, bytes(body)


def _of_object(error: Exception, place: str) -> Exception:
    """A fault of this one object, or the error itself where it concerns the whole storage."""
    said = str(error)
    if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in said:
        return DocumentError(
            "The object is gone: it was listed a moment before.",
            where=place,
            remedy='Run: instill sync. If it is still there, its name begins or ends with "/": rename it.',
        )
    if "InvalidObjectState" in said:
        return DocumentError("The object is archived.", where=place, remedy="Restore it, or exclude it.")
    if is_denied(error):
        remedy = "They need s3:GetObject for it (and, if it is encrypted, the right to decrypt it); or exclude it."
        return DocumentError("These credentials may not read the object.", where=place, remedy=remedy)
    return error


def _client(address: Address, *, request_s: float = REQUEST_S) -> Any:
    needed("obstore", "Documents in object storage need obstore.")
    access = Access(replace(address, prefix=""), "", _USE)
    return _opened(access, tuple(access.credentials().items()), request_s)


@lru_cache(maxsize=8)
def _opened(access: Access, _credentials: tuple[tuple[str, str], ...], request_s: float) -> Any:
    return access.bucket(request_s=request_s)


@contextmanager
def _errors(address: Address) -> Iterator[None]:
    try:
        yield
    except InstillError:
        raise
    except Exception as error:
        if not (is_of_client(error) or isinstance(error, OSError)):
            raise
        raise explained(error, address, _USE) from error
