"""Documents that are sent to the service, kept as files until, and as long as, they are in the index."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
import unicodedata
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from filelock import FileLock

from instill.catalog import Labels
from instill.documents.sources import identity
from instill.errors import UsageError
from instill.errors.escapes import shown
from instill.server.errors import Refused
from instill.settings import DocumentSettings
from instill.workspace import Workspace
from instill.workspace.removed_documents import FOLDER as REMOVED
from instill.workspace.removed_documents import KEPT_S, RemovedDocuments
from instill.workspace.replaced_files import is_file_of, keep_file, put_back_file

_CHUNK = 1024 * 1024
_LONGEST = 120
_DEEPEST = 20
_WAITING = ".waiting"


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


@dataclass(frozen=True, slots=True)
class Sent:
    """Files that are on the disk and that a job is to read.

    Args:
        paths: where they belong, in the order in which they were sent.
        waiting: of those whose place is taken by a file that was not read yet, where they wait.
    """

    paths: list[Path]
    waiting: Mapping[Path, Path] = field(default_factory=dict)

    def arguments(self) -> dict[str, object]:
        """What the job is told of them; see `Uploads.put_in_place`."""
        waiting = {str(place): str(file) for place, file in self.waiting.items()}
        return {"paths": [str(path) for path in self.paths]} | ({"waiting": waiting} if waiting else {})


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
        return self._sent(files, lambda _place: False).paths

    def send_all(self, files: Sequence[tuple[str, BinaryIO]]) -> Sent:
        """As `keep_all`, for a job that reads them later. A file whose place holds one that was not read yet waits
        beside it until the job takes it there (`put_in_place`): each version becomes a document, and none is lost.

        Raises:
            UsageError, OSError: as `keep`. None of the files is kept then.
        """
        return self._sent(files, self._is_unread)

    def put_in_place(self, waiting: Mapping[str, str]) -> None:
        """Take files that waited to where they belong, when their turn has come; see `Sent`.

        Raises:
            OSError: the disk is full.
        """
        own = self._folder / _WAITING
        for place, draft in ((Path(each), Path(waited)) for each, waited in waiting.items()):
            if draft.is_file() and draft.parent == own and place.is_relative_to(self._folder):
                self._keep_earlier([place])
                place.parent.mkdir(parents=True, exist_ok=True)
                draft.replace(place)
                _sync_folder(place.parent)

    def drop_waiting(self, wanted: Collection[str]) -> None:
        """Delete what has waited for a week and that no job names any more: those that were to read it were stopped."""
        for file in (self._folder / _WAITING).glob("*"):
            if str(file) not in wanted and time.time() - file.stat().st_mtime > KEPT_S:
                file.unlink(missing_ok=True)

    def _sent(self, files: Sequence[tuple[str, BinaryIO]], waits: Callable[[Path], bool]) -> Sent:
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
            with self._alone():  # Of two that are sent at once under one name, the second finds the first there.
                waiting = {place: self._folder / _WAITING / draft.name[1:] for draft, place in drafts if waits(place)}
                self._keep_earlier([place for _, place in drafts if place not in waiting])
                for draft, place in drafts:
                    waiting.get(place, place).parent.mkdir(parents=True, exist_ok=True)
                    draft.replace(waiting.get(place, place))
        finally:
            for draft, _ in drafts:
                draft.unlink(missing_ok=True)
        for folder in {waiting.get(place, place).parent for _, place in drafts}:
            _sync_folder(folder)
        return Sent([place for _, place in drafts], waiting)

    def keep(self, name: str, content: BinaryIO) -> Path:
        """Write a file, so that it is on the disk when this returns; its path. One of the same name is replaced;
        where it is a document's, it is kept for `restore`.

        Raises:
            UsageError: it has no name, is empty, or is larger than `documents.max_file_mb`.
            OSError: the disk is full.
        """
        return self.keep_all([(name, content)])[0]

    def _alone(self) -> FileLock:
        folder = self._folder.parent / "jobs"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / "uploads.lock")

    def _is_unread(self, place: Path) -> bool:
        """Whether a file is there that is no document of the index, or another version of it."""
        if not place.is_file():
            return False
        return not any(is_file_of(record, place) for record in self._whole.index.records([identity(place)]))

    def _keep_earlier(self, places: Sequence[Path]) -> None:
        """Keep the files of documents that are about to be replaced, and of those that were deleted, so that `restore`
        can bring them back."""
        there = {identity(place): place for place in places if place.is_file()}
        if there:
            index = self._whole.index
            removed = RemovedDocuments(self._folder.parent, index).records_at(there)
            for record in (*index.records(sorted(there)), *removed):
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
