"""Which generation is live, said by an object in the bucket; the workspace's folder keeps a copy of what it says."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from instill.common.object_storage.failures import persistently
from instill.errors import DamagedIndex, UsageError, WorkspaceError
from instill.index import generations
from instill.index.generations import POINTER, Generation
from instill.index.stores.objects.address import Access
from instill.index.stores.objects.failures import object_errors
from instill.index.stores.objects.lease import Lease


class ObjectPointer:
    """See `instill.index.live_pointer.Pointer`.

    Args:
        folder: of the index in the workspace.
        access: to the bucket.
        url: `store.url` as it is written down; each machine may reach the bucket by another address.
    """

    def __init__(self, folder: Path, access: Access, url: str) -> None:
        self._folder, self._access, self._url = folder, access, url

    @property
    def lock(self) -> Lease:
        return Lease(self._bucket(), self._access.address)

    def live(self) -> Generation | None:
        """As the bucket says; where the folder has documents of its own, those, so that they are not left behind.

        Raises:
            WorkspaceError: the index was in the bucket and is not there any more.
        """
        here = generations.live_or_none(self._folder)
        if here is not None and here.store != generations.S3:
            return here
        found = self._read()
        if found is None and here is not None and here.url == self._url:
            raise WorkspaceError(
                "The index is not in the bucket any more.",
                where=str(self._access.address),
                remedy="If it was deleted on purpose, delete .instill/index here too and run: instill sync",
            )
        if found is None:
            return None
        if here != found:
            with suppress(OSError):  # on storage that takes no writing
                self._noted(found)
        return found

    def _noted(self, found: Generation) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        generations.write_pointer(self._folder, found)
        for copy in self._folder.glob("g*/copy"):  # another machine may have purged what is in it
            if copy.parent.name != found.name:
                shutil.rmtree(copy, ignore_errors=True)

    def make_live(self, generation: Generation) -> None:
        import obstore

        (self._folder / generation.name).mkdir(parents=True, exist_ok=True)
        generations.mark_live(self._folder, generation)
        written = {**asdict(generation), "url": ""}
        with object_errors(self._access.address):
            obstore.put(self._bucket(), POINTER, json.dumps(written).encode(), use_multipart=False)
        generations.write_pointer(self._folder, generation)

    def require_free(self) -> None:
        """Refuse a prefix that holds an index already.

        Raises:
            UsageError: it does.
        """
        if self._read() is not None:
            raise UsageError(
                "There is an index at this address already.",
                where=str(self._access.address),
                remedy="Name another prefix; to use what is there, set store.kind and store.url in a new workspace.",
            )

    def forget(self, generation: Generation) -> None:
        """Take the pointer away where it names this generation, which is about to be deleted."""
        import obstore

        found = self._read()
        if found is not None and found.name == generation.name:
            with object_errors(self._access.address):
                obstore.delete(self._bucket(), POINTER)

    def _read(self) -> Generation | None:
        import obstore

        with object_errors(self._access.address):
            try:
                content = persistently(lambda: bytes(obstore.get(self._bucket(), POINTER).bytes()))
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None
        try:
            found = Generation(**{**json.loads(content), "url": self._url})
        except (ValueError, TypeError) as error:
            raise DamagedIndex(
                "The object that names the index's table is damaged.",
                where=f"{self._access.address}/{POINTER}",
                remedy="Restore it from an earlier version of the object.",
            ) from error
        generations.require_format(found, str(self._access.address))
        return found

    def _bucket(self) -> Any:
        return self._access.bucket()
