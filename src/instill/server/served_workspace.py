"""The workspace that is served: opened once, and again when what it reads only once was changed by another process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from instill.catalog import Catalog, Labels
from instill.errors import WorkspaceError
from instill.settings import SETTINGS_FILE, Settings, load_settings, with_values
from instill.settings.location import expanded, find_workspace, make_workspace
from instill.workspace import Workspace

_WATCHED = ("index/current.json", "calibration*.json", "tuned*.json", "encoder.json", "champion.json")


def service_settings(folder: Path) -> Settings:
    """The settings of the workspace in `folder`; addresses of private networks are fetched only where `url_allow` has
    them, because whoever asks for them is not who owns the machine."""
    return with_values(load_settings(folder / SETTINGS_FILE), {"documents.url_private": False})


def folder_to_serve(path: str | None) -> Path:
    """The workspace's folder: `path`, else $INSTILL_WORKSPACE, else the nearest from here upwards; an empty folder is
    made one, and so is one that is not there yet, beside folders that are.

    Raises:
        WorkspaceError: the folder is no workspace and holds something, or it would lie in a folder that is not there.
    """
    try:
        return find_workspace(path)
    except WorkspaceError:
        folder = expanded(path or ".").resolve()
        if not folder.parent.exists():
            raise WorkspaceError(
                "There is no such folder, nor the one above it.",
                where=str(folder),
                remedy=f"Check the path, or make a workspace there: instill init {path or '.'}",
            ) from None
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise
        return make_workspace(folder)


class Opened:
    """The workspace in `folder`, always as it is now.

    Args:
        folder: of the workspace.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._workspace: Workspace | None = None
        self._stamp: tuple[object, ...] = ()
        self._catalog: Catalog | None = None
        self._variants: tuple[Workspace | None, dict[str, Workspace]] = (None, {})

    @property
    def catalog(self) -> Catalog:
        """The catalog, which stays open when the workspace is opened anew."""
        with self._lock:
            if self._catalog is None:
                self._catalog = Workspace(self.folder, service_settings(self.folder)).catalog
            return self._catalog

    @property
    def whole(self) -> Workspace:
        """The workspace as its owner sees it.

        Raises:
            UsageError: its settings cannot be used any more.
        """
        stamp = tuple(self._stamps())
        catalog = self.catalog
        with self._lock:
            if self._workspace is None or stamp != self._stamp:
                # Who still works with the one before goes on with it; it is released with the last of them.
                before, opened = self._workspace, Workspace(self.folder, service_settings(self.folder))
                opened.__dict__["catalog"] = catalog
                if before is not None:
                    opened.take_over(before)
                self._workspace, self._stamp = opened, stamp
            return self._workspace

    def seen_by(self, labels: Labels) -> Workspace:
        """The workspace as who holds `labels` sees it."""
        whole = self.whole
        with self._lock:
            return whole.seen_by(labels)

    def with_candidate(self, candidate: str) -> Workspace:
        """The workspace with another candidate than the champion, for the owner; who sees it under labels gets the base
        where the candidate was made from what they do not see."""
        whole = self.whole
        with self._lock:
            if self._variants[0] is not whole:
                self._variants = whole, {}
            found = self._variants[1]
            if candidate not in found:
                settings = with_values(whole.given, {"generator.adapter": candidate})
                found[candidate] = Workspace(self.folder, settings)
                found[candidate].__dict__["catalog"] = whole.catalog
                found[candidate].take_over(whole)
            return found[candidate]

    def close(self) -> None:
        """Release the files."""
        with self._lock:
            if self._workspace is not None:
                self._workspace.close()
            if self._catalog is not None:
                self._catalog.close()
            self._workspace = self._catalog = None

    def _stamps(self) -> Iterator[object]:
        home = self.folder / ".instill"
        for file in [self.folder / SETTINGS_FILE, *(file for each in _WATCHED for file in sorted(home.glob(each)))]:
            try:
                found = file.stat()
            except OSError:
                continue
            yield file.name, found.st_mtime_ns, found.st_size, found.st_ino
