"""From the name of a store to the store. Only the one that is asked for is imported."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from instill.errors import WorkspaceError
from instill.index.earlier_generations import reached_with
from instill.index.generations import LANCE, Generation, note_made, old_elsewhere

if TYPE_CHECKING:
    from instill.index.protocol import Store
    from instill.settings import StoreSettings


def named_in(settings: StoreSettings | None, generation: Generation) -> Generation:
    """The generation, to be made in the store of the settings."""
    if settings is None or settings.kind == LANCE:
        return generation
    from instill.common.shown_url import without_password

    return replace(generation, store=settings.kind, url=without_password(settings.url))


def create_store(folder: Path, generation: Generation, settings: StoreSettings | None) -> None:
    """Make the empty store of a new generation.

    Raises:
        WorkspaceError: it cannot be made.
    """
    if generation.store == LANCE:
        from instill.index.upkeep import create_table

        create_table(folder / generation.name, generation.dimension)
        return
    from instill.index.stores.stores_by_name import create

    note_made(folder, generation)
    try:
        create(folder, generation, settings)
    except BaseException:
        with suppress(Exception):
            drop(folder, generation, settings)
        shutil.rmtree(folder / generation.name, ignore_errors=True)
        raise


def drop_old(folder: Path, settings: StoreSettings | None) -> None:
    """Delete generations in other stores that nobody uses any more; what cannot be reached now is tried again later."""
    for generation in old_elsewhere(folder):
        try:
            drop(folder, generation, reached_with(generation, settings))
        except Exception:  # whatever its client raises
            note_made(folder, generation)  # which is touched by it, so that it is left alone for a while


def drop(folder: Path, generation: Generation, settings: StoreSettings | None) -> None:
    """Delete a generation in another store, and what is kept of it here.

    Raises:
        WorkspaceError: the store cannot be reached.
    """
    from instill.index.stores.stores_by_name import opened

    opened(folder, generation, settings, read_only=False).drop()
    shutil.rmtree(folder / generation.name, ignore_errors=True)


def open_store(folder: Path, generation: Generation, settings: StoreSettings | None, *, read_only: bool) -> Store:
    """The store of a generation.

    Raises:
        WorkspaceError: the settings name another one, or it cannot be reached.
    """
    if settings is not None and settings.kind != generation.store:
        raise WorkspaceError(
            f"The documents of this workspace are in the store {generation.store!r}, and the settings name "
            f"{settings.kind!r}.",
            where="store.kind in instill.toml",
            remedy=f"Move them: instill store copy --to {settings.kind}, or set store.kind to {generation.store!r}.",
        )
    if generation.store == LANCE:
        from instill.index.lance import LanceStore

        return LanceStore(folder / generation.name, dimension=generation.dimension, read_only=read_only)
    from instill.index.stores.stores_by_name import opened

    return opened(folder, generation, settings, read_only=read_only)
