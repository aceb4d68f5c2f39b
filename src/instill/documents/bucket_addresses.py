"""Names of what is in object storage: the addresses that users write, and the sources of documents.

What a user names is an address with options (`?endpoint=...&region=...`). A document's source is its place, without
options: `s3://BUCKET/NAME` at AWS, and `s3://HOST:PORT/BUCKET/NAME` at another endpoint. A bucket's name has no colon,
so the two cannot be confused, and buckets of one name at two endpoints are told apart. The path that `sync` follows is
the address with its options, completed from the environment, so that it is found again where that differs.
"""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import quote, urlsplit

from instill.common.object_storage.address import (
    Address,
    NoAddress,
    endpoint_of_environment,
    region_of_environment,
    split,
)

_SCHEME = re.compile(r"s3://", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PORTS = {"http": 80, "https": 443}


def is_in_bucket(named: str) -> bool:
    """Whether this is an address of object storage, or the source of a document from there."""
    return _SCHEME.match(named) is not None


def address_of(named: str) -> Address:
    """The address, completed from the environment.

    Raises:
        NoAddress: it is none.
    """
    if _CONTROL.search(named):
        raise NoAddress("it has a control character")
    found, more = split(named.strip())
    if more:
        raise NoAddress(f"it has more than endpoint and region: {', '.join(more)}")
    endpoint = found.endpoint or endpoint_of_environment()
    return replace(found, endpoint=endpoint, region=found.region or region_of_environment())


def place_of(named: str) -> str:
    """The source of what an address names; anything else stays as it is.

    Example:
        >>> place_of("s3://docs/a/b.md?region=eu-west-1"), place_of("s3://docs?endpoint=https://minio.example:9000")
        ('s3://docs/a/b.md', 's3://minio.example:9000/docs')
        >>> place_of("s3://minio.example:9000/docs/a.md"), place_of("/srv/docs")
        ('s3://minio.example:9000/docs/a.md', '/srv/docs')
    """
    if not is_in_bucket(named):
        return named
    try:
        return source_of(address_of(named))
    except NoAddress:
        return named


def followed_as(named: str) -> str:
    """The path that `sync` follows for an address; "" for what is none.

    Example:
        >>> followed_as("s3://docs/a/?endpoint=http://127.0.0.1:9000/&region=eu-west-1")
        's3://docs/a?endpoint=http://127.0.0.1:9000&region=eu-west-1'
    """
    try:
        found = address_of(named)
    except NoAddress:
        return ""
    options = [f"{name}={quote(getattr(found, name), safe=':/')}" for name in ("endpoint", "region")
               if getattr(found, name)]  # fmt: skip
    return str(found) + ("?" + "&".join(options) if options else "")


def endpoint_in(source: str) -> str:
    """HOST:PORT in the source of a document at an endpoint other than AWS; "" in any other.

    Example:
        >>> endpoint_in("s3://minio.example:9000/docs/a.md"), endpoint_in("s3://docs/a.md"), endpoint_in("/srv/a.md")
        ('minio.example:9000', '', '')
    """
    host = source.partition("://")[2].partition("/")[0] if is_in_bucket(source) else ""
    return host if ":" in host else ""


def source_of(found: Address) -> str:
    """The source of what is at an address."""
    if not found.endpoint:
        return str(found)
    to = urlsplit(found.endpoint)
    host = to.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"s3://{host}:{to.port or _PORTS[to.scheme]}/{found.bucket}/{found.prefix}".rstrip("/")
