"""The index of a generation: opened or made, and whether it is the right one."""

from __future__ import annotations

from typing import Any

from instill.errors import UsageError, WorkspaceError
from instill.index.protocol import Place
from instill.index.stores.pinecone.address import SERVICE, address_of
from instill.index.stores.pinecone.consistency import first_row
from instill.index.stores.pinecone.rows import PineconeCollection

VECTOR = "vector"
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
