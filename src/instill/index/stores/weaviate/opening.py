"""The collections of a generation: their server, and whether they are the right ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from instill.errors import UsageError, WorkspaceError
from instill.index.protocol import Place
from instill.index.stores.weaviate.rows import VECTOR, WeaviateCollection

_GRPC_PORT = 50051
_CLOUD = (".weaviate.cloud", ".weaviate.io")
_TIMEOUT_S = 60
_ABOUT = "Instill: vectors of length "


@dataclass(frozen=True, slots=True)
class Address:
    """Where the two interfaces of a server are."""

    host: str
    port: int
    grpc_host: str
    grpc_port: int
    is_secure: bool


def open_store(place: Place, *, create: bool) -> WeaviateCollection:
    """The collection of a generation.

    Raises:
        UsageError: the address is none of a server.
        WorkspaceError: the collections are not there, or other ones.
    """
    client = connected(place.url, place.key)
    rows, heads = f"Instill_{place.name}", f"Instill_{place.name}_head"
    try:
        if create:
            _create(client, rows, heads, place.dimension)
        else:
            _require_right(client, rows, place)
    except BaseException:
        client.close()
        raise
    return WeaviateCollection(client, rows, heads)


def connected(url: str, key: str) -> Any:
    """A client of the server at `url`."""
    import weaviate
    from weaviate.classes.init import AdditionalConfig, Auth, Timeout

    address = address_of(url)
    return weaviate.connect_to_custom(
        http_host=address.host,
        http_port=address.port,
        http_secure=address.is_secure,
        grpc_host=address.grpc_host,
        grpc_port=address.grpc_port,
        grpc_secure=address.is_secure,
        auth_credentials=Auth.api_key(key) if key else None,
        additional_config=AdditionalConfig(timeout=Timeout(init=_TIMEOUT_S, query=_TIMEOUT_S, insert=_TIMEOUT_S)),
        skip_init_checks=True,  # they would ask PyPI for the newest version of the client
    )


def address_of(url: str) -> Address:
    """The two interfaces of the server at `url`; `?grpc=HOST:PORT` names the second where it is not the usual one.

    Raises:
        UsageError: it is no such address.

    Example:
        >>> address_of("http://localhost:8080")
        Address(host='localhost', port=8080, grpc_host='localhost', grpc_port=50051, is_secure=False)
        >>> address_of("https://abc.weaviate.cloud").grpc_host
        'grpc-abc.weaviate.cloud'
    """
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    grpc = urlsplit(f"//{asked.get('grpc', '')}")
    why = ""
    try:
        port, grpc_port = parts.port, grpc.port
    except ValueError:
        port, grpc_port, why = None, None, "a port is not a number"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        why = "it does not begin with http:// or https://"
    elif parts.username or parts.password:
        why = "a key does not belong into it"
    elif unknown := sorted(set(asked) - {"grpc"}):
        why = f"{', '.join(unknown)} is not known"
    elif "grpc" in asked and (not grpc.hostname or grpc_port is None or grpc.path):
        why = "grpc is not HOST:PORT"
    if why or not parts.hostname:
        raise UsageError(
            f"This is no address of Weaviate: {why}.",
            where="store.url",
            remedy='Set for example "http://localhost:8080", or "https://weaviate.example?grpc=grpc.example:443".',
        )
    host, is_secure = parts.hostname, parts.scheme == "https"
    port = port or (443 if is_secure else 80)
    if grpc.hostname and grpc_port is not None:
        return Address(host, port, grpc.hostname, grpc_port, is_secure)
    if is_secure and host.endswith(_CLOUD):
        return Address(host, port, f"grpc-{host}", 443, is_secure)
    return Address(host, port, host, _GRPC_PORT, is_secure)


def _create(client: Any, rows: str, heads: str, dimension: int) -> None:
    from weaviate.classes.config import Configure, DataType, Property, Tokenization, VectorDistances

    numbers = [
        Property(name=name, data_type=DataType.INT, index_filterable=True, index_range_filters=True)
        for name in ("row", "document", "born", "died")
    ]
    labels = Property(
        name="labels", data_type=DataType.TEXT_ARRAY, index_filterable=True, index_searchable=False,
        tokenization=Tokenization.FIELD,
    )  # fmt: skip
    texts = [
        Property(name=name, data_type=DataType.TEXT, index_filterable=False, index_searchable=False)
        for name in ("passage", "part")
    ]
    index = Configure.VectorIndex.hnsw(distance_metric=VectorDistances.COSINE)
    client.collections.create(
        rows,
        description=f"{_ABOUT}{dimension}",
        properties=[*numbers, labels, *texts],
        vector_config=Configure.Vectors.self_provided(name=VECTOR, vector_index_config=index),
    )
    head = Property(name="head", data_type=DataType.TEXT, index_filterable=False, index_searchable=False)
    client.collections.create(heads, properties=[head], vector_config=Configure.Vectors.self_provided(name=VECTOR))


def _require_right(client: Any, rows: str, place: Place) -> None:
    config = client.collections.use(rows).config.get(simple=True)
    if config.description != f"{_ABOUT}{place.dimension}":
        raise WorkspaceError(
            f"The Weaviate collection {rows} is not of this workspace, whose vectors have length {place.dimension}: it "
            f"says {(config.description or '')[:100]!r}.",
            where=place.url,
            remedy="It was not made by Instill, or for another workspace. Delete it, or use another server.",
        )
