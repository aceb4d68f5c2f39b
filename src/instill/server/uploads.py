"""Documents that are sent to the service, kept as files until, and as long as, they are in the index."""

from __future__ import annotations

import hashlib
import os
import secrets
import unicodedata
from collections.abc import Collection, Container, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from instill.catalog import Labels
from instill.documents.sources import identity
from instill.errors import UsageError
from instill.errors.escapes import shown
from instill.server.errors import Refused
from instill.settings import DocumentSettings
from instill.workspace import Workspace
from instill.workspace.removed_documents import FOLDER as REMOVED
from instill.workspace.replaced_files import keep_file, put_back_file

_CHUNK = 1024 * 1024
_LONGEST = 120
_DEEPEST = 20


def plain_name(name: str) -> PurePosixPath:
    """Where a file goes below the folder of uploads: folders of the name are kept, whatever leads elsewhere is not.

    Raises:
        UsageError: nothing is left of the name.

    Example:
        >>> plain_name("notes/2024/tea.md").as_posix(), plain_name("../../etc/passwd").as_posix()
        ('notes/2024/tea.md', 'etc/passwd')
        >>> plain_name("C:\\\\docs\\\\a b.pdf").as_posix(), plain_name("a\\x00b\\n.md").as_posix()
        ('C_/docs/a b.pdf', 'a_b_.md')
    """
    parts = [_plain_part(part) for part in unicodedata.normalize("NFC", name).replace("\\", "/").split("/")]
    parts = [part for part in parts if part]
    if not parts or len(parts) > _DEEPEST:
        raise UsageError("A file needs a name.", where=shown(name, 80), remedy="Name it, with its ending.")
    return PurePosixPath(*parts)


def _plain_part(part: str) -> str:
    kept = "".join("_" if not each.isprintable() or each in '<>:"|?*' else each for each in part)
    kept = kept.strip().lstrip(".").strip()
    stem, dot, ending = kept.rpartition(".")
    if len(kept.encode()) <= _LONGEST:
        return kept
    tail = f"-{hashlib.sha256(kept.encode()).hexdigest()[:8]}" + (f".{ending}" if dot and len(ending) < 16 else "")
    return (stem if dot else kept).encode()[: _LONGEST - len(tail.encode())].decode("utf-8", "ignore") + tail


def area_of(labels: Labels) -> str:
    """The folder of those who hold these labels, so that nobody writes over what others see.

    Example:
        >>> area_of(None), area_of(("hr",)) == area_of(("hr",)), area_of(("hr",)) == area_of(("it",))
        ('all', True, False)
    """
    if labels is None:
        return "all"
    return hashlib.sha256("\n".join(sorted(set(labels))).encode()).hexdigest()[:12]


def name_of_upload(source: str) -> str:
    """What an upload was called; any other source stays.

    Example:
        >>> name_of_upload("/kb/.instill/uploads/all/notes/tea.md"), name_of_upload("/home/ann/tea.md")
        ('notes/tea.md', '/home/ann/tea.md')
    """
    _, mark, kept = source.partition("/.instill/uploads/")
    return kept.partition("/")[2] if mark else source


class Uploads:
    """The files of one caller.

    Args:
        folder: of all uploads.
        whole: the workspace as its owner sees it: it knows what stands under a name that the caller does not see.
        labels: that the caller holds.
        settings: how large a file may be.
    """

    def __init__(self, folder: Path, whole: Workspace, labels: Labels, settings: DocumentSettings) -> None:
        self._folder, self._whole, self._labels, self._settings = folder, whole, labels, settings
        self._most = int(settings.max_file_mb * 1024**2)

    def keep_all(self, files: Sequence[tuple[str, BinaryIO]]) -> list[Path]:
        """`keep` for files that are sent together. Where several of them have one name (two folders' `index.md` that
        were chosen without their folders, or names that differ only in what no file may be called), the further ones
        are numbered, so that none of them takes the place of another.

        Raises:
            UsageError, OSError: as `keep`. None of the files is kept then.
        """
        names: list[PurePosixPath] = []
        taken: set[str] = set()
        for name, _ in files:
            names.append(_unlike(plain_name(name), taken))
            taken.add(str(names[-1]).casefold())
        drafts: list[tuple[Path, Path]] = []
        try:
            for each, (_, content) in zip(names, files, strict=True):
                drafts.append(self._draft(each, {place for _, place in drafts}))
                self._write(drafts[-1][0], content, str(each))
            self._keep_earlier([place for _, place in drafts])
            for draft, place in drafts:
                draft.replace(place)
        finally:
            for draft, _ in drafts:
                draft.unlink(missing_ok=True)
        for folder in {place.parent for _, place in drafts}:
            _sync_folder(folder)
        return [place for _, place in drafts]

    def keep(self, name: str, content: BinaryIO) -> Path:
        """Write a file, so that it is on the disk when this returns; its path. One of the same name is replaced;
        where it is a document's, it is kept for `restore`.

        Raises:
            UsageError: it has no name, is empty, or is larger than `documents.max_file_mb`.
            OSError: the disk is full.
        """
        return self.keep_all([(name, content)])[0]

    def _keep_earlier(self, places: Sequence[Path]) -> None:
        """Keep the files of documents that are about to be replaced, so that `restore` can bring them back."""
        there = {identity(place): place for place in places if place.is_file()}
        for record in self._whole.index.records(sorted(there)) if there else ():
            keep_file(self._folder.parent / REMOVED, record, there[record.source])

    def _draft(self, name: PurePosixPath, before: Collection[Path]) -> tuple[Path, Path]:
        """Where a file is written, and where it goes once all that come with it are written: those `before` it and
        those after it."""
        place = self._place(name, before)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place.with_name(f".{secrets.token_hex(8)}"), place

    def _write(self, draft: Path, content: BinaryIO, name: str) -> None:
        with draft.open("wb") as file:
            size = 0
            while chunk := content.read(_CHUNK):
                size += len(chunk)
                if size > self._most:
                    raise Refused(
                        413,
                        f"The file is larger than {self._settings.max_file_mb:g} MB.",
                        where=shown(name, 200),
                        remedy="Leave it out, or raise documents.max_file_mb in instill.toml.",
                    )
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())

    def _place(self, name: PurePosixPath, before: Collection[Path]) -> Path:
        """Another folder where a document that the caller does not see stands under this name, or a folder does."""
        area = self._folder / area_of(self._labels)
        place = area / name
        if self._is_hidden(place) or place.is_dir() or any(each.is_file() or each in before for each in place.parents):
            place = area / secrets.token_hex(6) / name
        return place

    def _is_hidden(self, place: Path) -> bool:
        if self._labels is None:
            return False
        records = self._whole.index.records([identity(place)])
        return any(set(record.labels).isdisjoint(self._labels) for record in records)

    def forget_words(self, sources: Sequence[str]) -> None:
        """Delete files whose words were forgotten; where one took the place of a document's file, that comes back."""
        self.forget(sources)
        for record in self._whole.index.records(list(sources)) if sources else ():
            if Path(record.source).is_relative_to(self._folder):
                put_back_file(self._folder.parent / REMOVED, record)

    def forget(self, sources: Sequence[str]) -> None:
        """Delete the files of documents that were removed; what is no upload is left."""
        for source in sources:
            file = Path(source)
            if file.is_absolute() and file.is_relative_to(self._folder) and ".." not in file.parts:
                file.unlink(missing_ok=True)


def _unlike(name: PurePosixPath, taken: Container[str]) -> PurePosixPath:
    """The name, with a number where it is taken; `taken` is in small letters, as some disks tell no large ones.

    Example:
        >>> _unlike(PurePosixPath("a/tea.md"), {"a/tea.md", "a/tea-2.md"}).as_posix()
        'a/tea-3.md'
    """
    found, number = name, 1
    while str(found).casefold() in taken:
        number += 1
        found = name.with_name(f"{name.stem}-{number}{name.suffix}")
    return found


def _sync_folder(folder: Path) -> None:
    """Make a name hold too, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
