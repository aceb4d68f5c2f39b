"""The kinds of stores: those of this package, and those that other packages bring as `instill.stores` entry points.

An entry point names a function that takes a `Place` and `create`, and gives a `Store` or a `Collection`:

    [project.entry-points."instill.stores"]
    mystore = "my_package:open_store"

    def open_store(place: Place, *, create: bool) -> Store | Collection: ...

It is run through `instill.testing.store_conformance`, as the stores here are.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from instill.common.extras import how_to_install
from instill.errors import DamagedIndex, MissingDependency, UsageError
from instill.index.generations import LANCE, POINTER, REPAIR, S3, Generation
from instill.index.protocol import Place
from instill.index.stores.refusals import service_errors
from instill.plugins import Group

if TYPE_CHECKING:
    from instill.index.protocol import Store
    from instill.index.stores.collection import Collection
    from instill.settings import StoreSettings


_NAME = re.compile("[A-Za-z0-9]{1,40}")


class Opener(Protocol):
    """Opens the store of a generation; with `create` it is made first, empty."""

    def __call__(self, place: Place, *, create: bool) -> Store | Collection: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A store of this package: the module with its `open_store`, and what has to be installed for it."""

    module: str
    packages: tuple[str, ...]
    needs_url: bool = False


KINDS = {
    "postgres": Kind("instill.index.stores.postgres.connections", ("psycopg",), needs_url=True),
    "qdrant": Kind("instill.index.stores.qdrant", ("qdrant_client",)),
    "chroma": Kind("instill.index.stores.chroma", ("chromadb",)),
    "milvus": Kind("instill.index.stores.milvus", ("pymilvus",)),
    S3: Kind("instill.index.stores.objects.store", ("obstore",), needs_url=True),
    "opensearch": Kind("instill.index.stores.opensearch", ("opensearchpy",), needs_url=True),
    "weaviate": Kind("instill.index.stores.weaviate.opening", ("weaviate",), needs_url=True),
    "pinecone": Kind("instill.index.stores.pinecone.opening", ("pinecone",)),
}


def _opener(found: object) -> Opener:
    if not callable(found):
        raise TypeError("it cannot be called")
    return cast(Opener, found)


STORES: Group[Opener] = Group(
    "stores",
    check=_opener,
    built_in=lambda: (LANCE, *KINDS),
    about="Where documents, passages and vectors are kept.",
)


def create(folder: Path, generation: Generation, settings: StoreSettings | None) -> None:
    """Make the empty store of a new generation."""
    store = _open(folder, generation, settings, read_only=False, create=True)
    store.close()


def opened(folder: Path, generation: Generation, settings: StoreSettings | None, *, read_only: bool) -> Store:
    """The store of a generation."""
    return _open(folder, generation, settings, read_only=read_only, create=False)


def _open(
    folder: Path, generation: Generation, settings: StoreSettings | None, *, read_only: bool, create: bool
) -> Store:
    opener, kind = _opener_of(generation.store)
    is_named = settings is not None and settings.kind == generation.store
    key = settings.secret() if settings is not None and is_named else ""
    given = settings.url if settings is not None and is_named else ""
    # The settings may have a password in the address; the pointer never has. A server may have moved.
    url = given or generation.url
    cache_gb = settings.cache_gb if settings is not None else 0.0
    place = Place(folder / generation.name, generation.name, generation.dimension, url, key, read_only, cache_gb)
    if kind is not None and kind.needs_url and not url:
        raise UsageError(
            f"The store {generation.store!r} needs an address.", where="store.url", remedy="See docs/stores.md"
        )
    if not _NAME.fullmatch(generation.name):  # it becomes a part of names in the store
        raise DamagedIndex("The index's pointer file is damaged.", where=str(folder / POINTER), remedy=REPAIR)
    place.folder.mkdir(parents=True, exist_ok=True)
    errors = service_errors(generation.store, generation.url or str(place.folder), key)
    with errors:
        found = opener(place, create=create)
    if kind is None:
        _require_whole(found, generation.store)
    if hasattr(found, "nearest"):
        from instill.index.stores.client_errors import Guarded
        from instill.index.stores.collection_store import OverCollection

        return OverCollection(Guarded(cast("Collection", found), errors), place)
    return found


def _require_whole(found: object, name: str) -> None:
    """Refuse what another package brings if it lacks a part of the protocol: all that it lacks is named at once.

    Raises:
        UsageError: it lacks something.
    """
    from instill.index.protocol import Store
    from instill.index.stores.collection import Collection

    lacking = {
        protocol.__name__: [each for each in vars(protocol) if not each.startswith("_") and not hasattr(found, each)]
        for protocol in (Collection, Store)
    }
    nearest, lacks = min(lacking.items(), key=lambda item: len(item[1]))
    if lacks:
        raise UsageError(
            f"The store {name!r} is no whole {nearest}: it lacks {', '.join(sorted(lacks))}.",
            where=f"{type(found).__module__}.{type(found).__qualname__}",
            remedy="Add them as docs/stores.md says, or install a newer version of the package.",
        )


def _opener_of(name: str) -> tuple[Opener, Kind | None]:
    kind = KINDS.get(name)
    if kind is None:
        if name not in STORES.names():
            known = ", ".join([LANCE, *KINDS, *STORES.names()])
            raise UsageError(
                f"There is no store {name!r}.",
                where="store.kind",
                remedy=f"Choose one of {known}. A store of your own has to be an installed package: docs/stores.md",
            )
        return STORES.one(name, where="store.kind"), None
    needed_for(name)
    opener: Callable[..., Store | Collection] = importlib.import_module(kind.module).open_store
    return opener, kind


def needed_for(name: str) -> None:
    """Refuse a store of this package whose client is not installed.

    Raises:
        MissingDependency: says what to install.
    """
    lacking = [package for package in KINDS[name].packages if importlib.util.find_spec(package) is None]
    if lacking:
        raise MissingDependency(
            f"The store {name!r} needs a package that is not installed: {', '.join(lacking)}.",
            where="store.kind",
            remedy=how_to_install(name),
        )
