"""Deleting the generations that an index had before, in whatever store they are, and telling which are still there."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from instill.common.shown_url import without_password
from instill.errors import InstillError, MissingDependency
from instill.index.generations import LANCE, Generation, elsewhere

if TYPE_CHECKING:
    from instill.settings import StoreSettings

IN_FOLDER = (LANCE, "qdrant", "chroma", "milvus")
"""Stores that, without an address, have all they hold in the generation's own folder."""


@dataclass(frozen=True, slots=True)
class Copy:
    """An earlier generation of an index, with the texts that it had then.

    Args:
        generation: its name, which is a part of the names of its tables or collections.
        where: for people: the kind of its store and the address, or its folder.
        why: it could not be deleted, a sentence; "" where it was.
    """

    generation: str
    where: str
    why: str = ""

    @property
    def name(self) -> str:
        """For people."""
        return f"earlier copy in {self.where}"

    @property
    def said(self) -> str:
        """Why it is still there, and what to do."""
        return (
            f"It still holds the text: {self.why} When it can be reached, run: instill remove --purge. Or delete there "
            f"what has {self.generation} in its name, and then the folder {self.generation} in .instill/index."
        )


def drop_earlier(folder: Path, live: Generation, settings: StoreSettings | None) -> list[Copy]:
    """Delete all generations but the live one, at once; called with the write lock held.

    Args:
        folder: the index's.
        settings: of the store in use.

    Returns:
        Those that were in another store, and all that are still there.
    """
    noted = {each.name: each for each in elsewhere(folder)}
    copies = []
    for path in sorted(folder.glob("g*")):
        if path.name == live.name or not path.is_dir():
            continue
        generation = noted.get(path.name)
        if generation is None or (generation.store in IN_FOLDER and not generation.url):
            shutil.rmtree(path, ignore_errors=True)
            if path.exists():
                copies.append(Copy(path.name, str(path), "the folder cannot be deleted."))
            continue
        copies.append(Copy(generation.name, where_of(generation), _dropped(folder, generation, settings)))
    return copies


def where_of(generation: Generation) -> str:
    """The store and its address, for people.

    Example:
        >>> where_of(Generation("g1", 2, "x", store="postgres", url="postgresql://db/docs"))
        'postgres postgresql://db/docs'
    """
    return f"{generation.store} {generation.url}".rstrip()


def reached_with(generation: Generation, settings: StoreSettings | None) -> StoreSettings | None:
    """What is needed to reach the store of a generation, which may not be the one of the settings. Their key is for
    their own server, and is shown to no other."""
    if settings is None or (settings.kind == generation.store and without_password(settings.url) == generation.url):
        return settings
    found = type(settings)(kind=generation.store, url=generation.url)
    same_server = settings.kind == generation.store and _server(settings.url) == _server(generation.url)
    if not same_server:
        return found
    return found.model_copy(update={"key": settings.key, "key_variable": settings.key_variable})


def _server(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def _dropped(folder: Path, generation: Generation, settings: StoreSettings | None) -> str:
    """Why the generation could not be deleted; "" where it was."""
    from instill.index.opening import drop

    try:
        drop(folder, generation, reached_with(generation, settings))
    except MissingDependency as error:
        return f"{error.what} {error.command}."
    except InstillError as error:
        return error.what
    except Exception as error:  # whatever its client raises
        return f"{' '.join(str(error).split())[:200] or type(error).__name__}."
    return ""
