"""The index of a generation: its address, its key, and whether it is the right one."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from instill.common.loopback import is_loopback
from instill.errors import UsageError, WorkspaceError
from instill.index.protocol import Place
from instill.index.stores.pinecone.consistency import first_row
from instill.index.stores.pinecone.rows import PineconeCollection

SERVICE = "https://api.pinecone.io"
VECTOR = "vector"
_CLOUD = {"cloud": "aws", "region": "us-east-1"}
_TIMEOUT_S = 60.0
_READY_S = 180


def open_store(place: Place, *, create: bool) -> PineconeCollection:
    """The collection of a generation.

    Raises:
        UsageError: there is no key, or the address is none of Pinecone's.
        WorkspaceError: the index is another one.
    """
    from pinecone import Pinecone

    service, cloud = address_of(place.url)
    if not place.key:  # the client would take PINECONE_API_KEY and send it to this address
        raise UsageError(
            "The store 'pinecone' needs a key.",
            where="store.key_variable",
            remedy='Set INSTILL_STORE__KEY, or store.key_variable = "PINECONE_API_KEY" for a key in that variable.',
        )
    client = Pinecone(api_key=place.key, host=service, timeout=_TIMEOUT_S)
    name = f"instill-{place.name}".lower()
    if create:
        schema = {"fields": {VECTOR: {"type": "dense_vector", "dimension": place.dimension, "metric": "cosine"}}}
        index = client.indexes.create(
            name=name, schema=schema, deployment={"deployment_type": "managed", **cloud}, timeout=_READY_S
        )
    else:
        index = client.indexes.describe(name)
    _require_right(index, name, place)
    data = client.index(host=index.host)
    if create:
        first_row(data.documents, place.dimension)
    return PineconeCollection(client, data, name, place)


def address_of(url: str) -> tuple[str, dict[str, str]]:
    """The service's address, and the cloud and region of new indexes.

    Raises:
        UsageError: it is no such address.

    Example:
        >>> address_of("")
        ('https://api.pinecone.io', {'cloud': 'aws', 'region': 'us-east-1'})
        >>> address_of("https://api.pinecone.io?cloud=gcp&region=europe-west4")[1]
        {'cloud': 'gcp', 'region': 'europe-west4'}
    """
    parts = urlsplit(url or SERVICE)
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    why = ""
    if parts.scheme not in ("https", "http") or not parts.hostname:
        why = "it does not begin with https://"
    elif parts.scheme == "http" and not is_loopback(parts.hostname):
        why = "the key would be sent in clear text"
    elif parts.username or parts.password:
        why = "a key does not belong into it"
    elif unknown := sorted(set(asked) - set(_CLOUD)):
        why = f"{', '.join(unknown)} is not known"
    if why:
        raise UsageError(
            f"This is no address of Pinecone: {why}.",
            where="store.url",
            remedy=f'Leave it empty, or set for example "{SERVICE}?cloud=aws&region=eu-west-1".',
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", {**_CLOUD, **asked}


def _require_right(index: Any, name: str, place: Place) -> None:
    """Refuse an index that is not ready, or has other vectors than this workspace."""
    field = index.schema.fields.get(VECTOR)
    dimension, metric = getattr(field, "dimension", None), getattr(field, "metric", None)
    if (dimension, metric) != (place.dimension, "cosine"):
        raise WorkspaceError(
            f"The Pinecone index {name} has vectors of length {dimension} compared by {metric}; this workspace's have "
            f"length {place.dimension} and are compared by cosine.",
            where=place.url or SERVICE,
            remedy="It was not made by Instill, or for another workspace. Delete it, or use another project's key.",
        )
    if not index.status.ready or not index.host:
        raise WorkspaceError(
            f"The Pinecone index {name} is not ready: {index.status.state}.",
            where=place.url or SERVICE,
            remedy="Run the command again in a minute.",
        )
