"""Moving a workspace's documents to another store, and its catalog to a database: `instill store copy | catalog`."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from instill.catalog import Catalog, Server
from instill.catalog.copying import copy_catalog
from instill.catalog.earlier_catalog import CATALOG_FILE
from instill.common.durable_files import write_json
from instill.common.shown_url import without_password
from instill.errors import UsageError, WorkspaceError
from instill.index.generations import LANCE, Generation, kind_of, new_generation
from instill.index.live_pointer import pointer_of
from instill.index.opening import create_store, drop, named_in
from instill.index.store import Index
from instill.index.stores.copying import Compared, compared, copy_documents
from instill.memory.forgetting.forgotten_documents import share
from instill.settings import SETTINGS_FILE, StoreSettings, set_in_file

if TYPE_CHECKING:
    from instill.workspace.parts import Parts

_UNFINISHED = "moving.json"


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did. `copied` counts documents of this call; an earlier call may have copied others."""

    store: str
    copied: int
    compared: Compared


def move(
    workspace: Parts,
    kind: str,
    url: str = "",
    *,
    key_variable: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Moved:
    """Copy all documents with their vectors to another store, compare both, and use the new one from then on.

    Nothing is encoded. The old store answers meanwhile and is changed in no way; what changes in it is copied too.
    Stopped half-way, the same call goes on. Other processes that have the workspace open must open it again afterwards.

    Args:
        kind: as `store.kind`; its password or key is as for `store.key` and `store.key_variable`.
        url: as `store.url`.
        key_variable: as `store.key_variable`, of the new store; "": both stores have the same key, or none.

    Raises:
        UsageError: the documents are there already, or the store needs something that is not given.
        WorkspaceError: a store cannot be reached, or what was copied is not what was there.
    """
    folder = workspace.home / "index"
    live = pointer_of(folder, workspace.given.store).live()
    if live is None:
        raise WorkspaceError("There is no index yet.", where=str(folder), remedy="Set store.kind, then: instill add")
    given = workspace.given.store
    if kind == LANCE and url:
        raise UsageError(
            "The store 'lance' is in the workspace's folder and has no address.",
            where=f"--url {without_password(url)}",
            remedy="Leave out --url; for a table in a bucket: --to s3 --url s3://BUCKET/PATH",
        )
    keys = {"key_variable": key_variable} if key_variable else {"key": given.key, "key_variable": given.key_variable}
    target_settings = StoreSettings.model_validate({"kind": kind, "url": url, **keys})
    if live.store == kind and named_in(target_settings, live).url == live.url:
        raise UsageError("The documents are in this store already.", where=f"{kind} {live.url}".strip())
    pointer = pointer_of(folder, target_settings)
    pointer.require_free()
    source = Index.open(
        folder, dimension=live.dimension, fingerprint=live.fingerprint, settings=_of(live, workspace.given.store)
    )
    generation = _begun(folder, live, target_settings)
    target = Index(folder, generation, read_only=False, settings=target_settings)
    copied = copy_documents(source, target, progress)
    target.upkeep(force=True)
    found = compared(source, target)
    with source.alone():
        if copy_documents(source, target):  # of what was changed meanwhile
            found = compared(source, target)
        if found.differences:
            raise WorkspaceError(
                f"What was copied is not what was there: {'; '.join(found.differences)}. The old store is in use.",
                where=f"{kind} {generation.url}".strip(),
                remedy="Run the command again; if it says the same, use another store.",
            )
        named = {"key_variable": key_variable} if key_variable else {}
        set_in_file(workspace.path / SETTINGS_FILE, "store", {"kind": kind, "url": generation.url, **named})
        pointer.make_live(generation)
    (folder / _UNFINISHED).unlink(missing_ok=True)
    source.close()
    target.close()
    return Moved(kind, copied, found)


def move_catalog(workspace: Parts, url: str, name: str) -> int:
    """Copy the catalog to a PostgreSQL database and use it there from then on; how many rows were copied.

    Args:
        url: as `catalog.url`; the password is `catalog.key`, or INSTILL_CATALOG__KEY.
        name: as `catalog.name`.

    Raises:
        UsageError: there is a catalog already, or the address is none.
        WorkspaceError: the database cannot be used; nothing was changed.
    """
    server = Server(url, workspace.given.catalog.key.get_secret_value(), name)
    target = Catalog(workspace.home / CATALOG_FILE, server=server)
    try:
        rows = copy_catalog(workspace.catalog, target)
        share(workspace.home, target)
        set_in_file(workspace.path / SETTINGS_FILE, "catalog", {"url": without_password(url), "name": name})
    finally:
        target.close()
    return rows


def _of(live: Generation, given: StoreSettings) -> StoreSettings:
    """What is needed to reach the store that is in use; the settings may name the next one already."""
    if given.kind == live.store and without_password(given.url) == live.url:
        return given
    return StoreSettings(kind=live.store, url=live.url, key=given.key, key_variable=given.key_variable)


def _begun(folder: Path, live: Generation, settings: StoreSettings) -> Generation:
    """The generation that an earlier call began to fill, or a new one."""
    note = folder / _UNFINISHED
    wanted = named_in(settings, new_generation(folder, live.dimension, live.fingerprint))
    with suppress(OSError, ValueError, TypeError):
        begun = Generation(**json.loads(note.read_text(encoding="utf-8")))
        if (begun.store, begun.url, begun.fingerprint) == (wanted.store, wanted.url, wanted.fingerprint) and (
            folder / begun.name
        ).is_dir():
            return begun
        if begun.store != LANCE:
            with suppress(Exception):  # it is dropped once it has not been touched for long
                drop(folder, begun, settings)
    create_store(folder, wanted, settings)
    write_json(note, asdict(wanted))
    return wanted


def store_of(workspace: Parts) -> str:
    """The kind of store that holds the documents."""
    return kind_of(workspace.home / "index")
