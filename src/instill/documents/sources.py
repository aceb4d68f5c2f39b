"""Paths, glob patterns, addresses, buckets and stdin -> `Source`s, each with an identity and a way to its bytes."""

from __future__ import annotations

import glob
import itertools
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Literal

from instill.documents.bucket_addresses import is_in_bucket
from instill.documents.buckets import fetch, find_objects
from instill.documents.limits_before_parsing import check_size
from instill.documents.loaded_bytes import Loaded
from instill.errors import DocumentError
from instill.settings import DocumentSettings
from instill.settings.location import expanded
from instill.settings.settings import SETTINGS_FILE

if TYPE_CHECKING:
    import pathspec

    from instill.documents.buckets import BucketObject

_HOME, _UPLOADS = ".instill", "uploads"
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class Source:
    """Something that can become a document.

    Args:
        source: the identity: an absolute path with "/" separators, an http(s) address, an object's place
            (`instill.documents.buckets`), or "stdin:NAME".
        path: the local file, or None.
        size: bytes; 0 when unknown (an address).
        modified: ISO 8601 UTC to the second, or "" when unknown.
    """

    source: str
    path: Path | None = None
    size: int = 0
    modified: str = ""
    held: bytes | None = field(default=None, repr=False)
    object: BucketObject | None = None

    @property
    def name(self) -> str:
        """What the format is told from and a title falls back to: the last part of path or address."""
        if self.path is not None:
            return self.path.name
        if self.source.startswith("stdin:"):
            return self.source.removeprefix("stdin:")
        if self.object is not None:
            return self.source.rpartition("/")[2]
        address = re.split(r"[?#]", self.source, maxsplit=1)[0].rstrip("/")
        return address.rsplit("/", 1)[-1] if address.count("/") > 2 else ""

    def load(self, settings: DocumentSettings) -> Loaded:
        """The bytes; an address or object is fetched now.

        Raises:
            DocumentError: too large, gone, not permitted, or the server did not deliver.
            InstillError: the object storage cannot be used.
        """
        if self.held is not None:
            check_size(len(self.held), settings)
            return Loaded(self.held, modified=self.modified)
        if self.object is not None:
            return fetch(self.object, settings)
        if self.path is None:
            from instill.documents import web

            return web.fetch(self.source, settings)
        return Loaded(_read_file(self.path, self.source, settings), modified=self.modified)


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """A source that cannot be read, and why.

    Args:
        below: where this is no single document, what is known of the documents below it: "nothing" is there, or it is
            "unknown" what is, because it could not be listed.
    """

    source: str
    error: DocumentError
    below: Literal["", "unknown", "nothing"] = ""


def find_sources(paths: Sequence[str], *, base: Path, exclude: Sequence[str]) -> Iterator[Source | SourceProblem]:
    """Everything that `paths` name, in a fixed order, each once; what cannot be read comes as a `SourceProblem`.

    Args:
        paths: files, folders (with all that is in them), glob patterns (`docs/**/*.md`), http(s) addresses, objects
            and prefixes in buckets (`s3://...`). An address is only named here, and a bucket only listed;
            `Source.load` fetches.
        base: relative paths start here.
        exclude: gitignore patterns that folders and globs are walked without, relative to the named folder. A file
            that is named itself is always taken.
    """
    import pathspec

    spec = pathspec.GitIgnoreSpec.from_lines(exclude)
    seen: set[str] = set()
    for named in paths:
        for found in _expand(named, base, spec):
            if found.source not in seen:
                seen.add(found.source)
                yield found if can_be_stored(found.source) else _unstorable(found.source)


def can_be_stored(name: str) -> bool:
    """Whether a name is text. On Linux a file's name may be no UTF-8, which neither index nor catalog takes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unstorable(source: str) -> SourceProblem:
    return _problem(
        source, "The name is not valid UTF-8, so it cannot be stored.", "Rename the file, and add it again."
    )


def from_stdin(name: str, data: bytes) -> Source:
    """A source for bytes that were piped in; `name` tells it from others and names its format ("notes.md")."""
    return Source(source=f"stdin:{name or 'text'}", size=len(data), held=data)


def identity(path: PurePath) -> str:
    """An absolute path as it is stored: "/" separators, on Windows too.

    Example:
        >>> from pathlib import PureWindowsPath
        >>> identity(PureWindowsPath("C:\\\\notes\\\\a.md"))
        'C:/notes/a.md'
    """
    return path.as_posix()


def _expand(named: str, base: Path, spec: pathspec.GitIgnoreSpec) -> Iterator[Source | SourceProblem]:
    if _ADDRESS.match(named):
        yield _address(named)
        return
    if is_in_bucket(named):
        yield from find_objects(named, spec)
        return
    if _OTHER_SCHEME.match(named):
        yield _problem(named, "Only http, https and s3 addresses are fetched.", "Download it, and add the file.")
        return
    path = Path(os.path.abspath(base / expanded(named)))  # noqa: PTH100 - resolve() would follow links
    try:
        exists = os.path.lexists(path)
    except (OSError, ValueError):
        exists = False
    if not exists and glob.has_magic(named):
        yield from _pattern(named, base, spec)
    else:
        yield from _path(path, spec)


def _address(named: str) -> Source | SourceProblem:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(named.strip())
        bad = not parts.hostname or (parts.port is not None and parts.port < 1)
    except ValueError:
        bad = True
    if bad:
        return _problem(named.partition("@")[2] or named, "The address is not valid.", "Check how it is written.")
    if parts.username or parts.password:
        shown = f"{parts.scheme}://{parts.hostname}{parts.path}"
        return _problem(
            shown,
            "An address with a user name or password in it is not fetched: it would be stored in the index.",
            "Download the file with your browser, and add it.",
        )
    return Source(source=parts._replace(scheme=parts.scheme.lower(), fragment="").geturl())


def _pattern(named: str, base: Path, spec: pathspec.GitIgnoreSpec) -> Iterator[Source | SourceProblem]:
    """What lies below the pattern's fixed part and matches the rest; a folder that matches is taken whole.

    Python's own `glob` follows links in circles, so the folder is walked as any other.
    """
    import pathspec

    parts = expanded(named).parts
    fixed = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    root = Path(os.path.abspath(base.joinpath(*parts[:fixed])))  # noqa: PTH100
    wanted = pathspec.GitIgnoreSpec.from_lines(["/" + "/".join(parts[fixed:])])
    count = 0
    for found in _path(root, spec) if root.is_dir() else ():
        relative = found.source.removeprefix(identity(root)).lstrip("/")
        if relative and wanted.match_file(relative):
            count += 1
            yield found
    if not count:
        yield _problem(named, "The pattern matches no file.", "Check it; ** matches folders of any depth.")


def _path(path: Path, spec: pathspec.GitIgnoreSpec) -> Iterator[Source | SourceProblem]:
    try:
        if path.is_dir():
            yield from _folder(path, path, spec, (os.path.realpath(path),))
        else:
            yield _file(path)
    except OSError as error:
        yield _os_problem(path, error)


def _folder(
    folder: Path, root: Path, spec: pathspec.GitIgnoreSpec, above: tuple[str, ...]
) -> Iterator[Source | SourceProblem]:
    """Depth first, sorted by name. `above` holds the real paths of the folders we are in."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield replace(_os_problem(folder, error), below="unknown")
        return
    for entry in entries:
        path = folder / entry.name
        relative = path.relative_to(root).as_posix()
        try:
            is_folder = entry.is_dir()
            if spec.match_file(relative + "/" if is_folder else relative) or (is_folder and entry.name == _HOME):
                continue
            if entry.name == SETTINGS_FILE and (folder / _HOME).is_dir():  # of the workspace that is kept here
                continue
            if entry.is_symlink():
                problem = _link_problem(path, root, above, is_folder=is_folder)
                if problem is not None:
                    yield problem
                    continue
            if is_folder:
                yield from _folder(path, root, spec, (*above, os.path.realpath(path)))
            else:
                yield _file(path)
        except OSError as error:
            yield _os_problem(path, error)


def _link_problem(path: Path, root: Path, above: tuple[str, ...], *, is_folder: bool) -> SourceProblem | None:
    """Links are followed inside the named folder only, and never back into a folder that we are in."""
    target = os.path.realpath(path)
    if not os.path.exists(target):  # noqa: PTH110
        return _problem(identity(path), "The link leads nowhere.", "Remove it, or restore what it points to.")
    if is_folder and target in above:
        return _problem(identity(path), "The link leads back to a folder that holds it.", "Remove or exclude the link.")
    if not Path(target).is_relative_to(os.path.realpath(root)):
        return _problem(
            identity(path), "The link leaves the folder that was named.", f"If you want it, add it by name: {target}"
        )
    return None


def _file(path: Path) -> Source | SourceProblem:
    try:
        found = path.stat()
    except OSError as error:
        return _os_problem(path, error)
    if not stat.S_ISREG(found.st_mode):
        return _problem(identity(path), "It is not a regular file (a pipe, a socket or a device).", "Exclude it.")
    if not os.access(path, os.R_OK):
        return _os_problem(path, PermissionError())
    if _is_of_a_workspace(path):
        return _problem(identity(path), "It is a file in which a workspace keeps its data.", "Exclude it.")
    modified = datetime.fromtimestamp(max(0, found.st_mtime), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Source(identity(path), path, found.st_size, modified)


def _is_of_a_workspace(path: Path) -> bool:
    """Whether Instill keeps it itself, beside uploads, which are documents. Such a file is never opened as a document:
    it may be the database that this process has open, and would lose its locks when it is closed (SQLite, "How To
    Corrupt An SQLite Database File", 2.2).

    Example:
        >>> home = Path("/kb/.instill")
        >>> _is_of_a_workspace(home / "catalog.db"), _is_of_a_workspace(home / "uploads" / "all" / "tea.md")
        (True, False)
    """
    parts = Path(os.path.realpath(path)).parts
    return any(part == _HOME and below != _UPLOADS for part, below in itertools.pairwise(parts))


def _read_file(path: Path, source: str, settings: DocumentSettings) -> bytes:
    """At most one byte above the limit is read, even if the file grows meanwhile."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise DocumentError("It is not a regular file.", where=source, remedy="Exclude it.")
            check_size(found.st_size, settings)
            data = file.read(int(settings.max_file_mb * 1024**2) + 1)
            check_size(len(data), settings)
            return data
    except OSError as error:
        raise _os_problem(path, error).error from error
    except DocumentError as error:
        raise DocumentError(error.what, where=source, remedy=error.command) from error


def _problem(source: str, what: str, remedy: str) -> SourceProblem:
    return SourceProblem(source, DocumentError(what, where=source, remedy=remedy))


def _os_problem(path: Path, error: OSError) -> SourceProblem:
    shown = identity(path)
    if isinstance(error, FileNotFoundError):
        return _problem(shown, "There is no such file or folder.", "Check the path.")
    if isinstance(error, PermissionError):
        return _problem(shown, "You may not read it.", f'Ask its owner, or run: chmod u+rX "{shown}"')
    reason = error.strerror or type(error).__name__
    return _problem(shown, f"The system cannot read it: {reason}.", "Check the disk and the path, then add it again.")
