"""What says which generation is live: a file in the index's folder, or an object in the bucket where the tables are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from instill.index.generations import S3, Generation, live_generation, make_live
from instill.index.protocol import Lock

if TYPE_CHECKING:
    from instill.settings import StoreSettings


class Pointer(Protocol):
    """Says which generation is live, to all who use the index."""

    @property
    def lock(self) -> Lock | None:
        """What those who make the first generation take besides the lock of the folder."""
        ...

    def live(self) -> Generation | None:
        """The live generation; None when there is no index yet.

        Raises:
            WorkspaceError: it cannot be understood, or not be reached.
        """
        ...

    def make_live(self, generation: Generation) -> None:
        """Point at `generation`, wholly or not at all."""
        ...

    def require_free(self) -> None:
        """Refuse a place outside of the folder where an index is already.

        Raises:
            UsageError: it is one.
        """
        ...


class FolderPointer:
    """`current.json` in the index's folder."""

    lock = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def live(self) -> Generation | None:
        return live_generation(self._folder)

    def make_live(self, generation: Generation) -> None:
        make_live(self._folder, generation)

    def require_free(self) -> None:
        """It is in the folder."""


def pointer_of(folder: Path, settings: StoreSettings | None) -> Pointer:
    """The pointer of the index in `folder`, with these settings."""
    if settings is None or settings.kind != S3:
        return FolderPointer(folder)
    from instill.index.stores.objects.address import Access, parsed
    from instill.index.stores.objects.pointer import ObjectPointer
    from instill.index.stores.stores_by_name import needed_for

    needed_for(S3)
    access = Access(parsed(settings.url), settings.secret())
    return ObjectPointer(folder, access, settings.url)
