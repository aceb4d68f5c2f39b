"""Errors that tell a person what happened, where, and what to do next.

Every error that a user can cause is an `InstillError`. The command line prints its three parts and leaves with
its `exit_code`; anything else that escapes is a bug and keeps its traceback.
"""

from __future__ import annotations

from instill.errors.escapes import shown
from instill.errors.python_words import in_python, place_in_python


class InstillError(Exception):
    """A mistake or a condition that the user can do something about.

    In a Python program, `remedy` and the text of the error name Python calls. The command line prints `command`.

    Args:
        what: what happened, one sentence.
        where: the file, setting, table or address that it happened to. Empty if there is none.
        remedy: what to do next, ideally a command as one types it. Empty only if nothing can be done.

    Example:
        >>> error = InstillError("The folder is not a workspace.", where="notes", remedy="Run: instill init notes")
        >>> print(error)
        The folder is not a workspace. (notes) Run: Workspace.init("notes")
        >>> error.command
        'Run: instill init notes'
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.command = remedy

    @property
    def remedy(self) -> str:
        """What to do next, as Python calls."""
        return in_python(self.command)

    def __str__(self) -> str:
        place = f" ({place_in_python(self.where)})" if self.where else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return shown(f"{self.what}{place}{remedy}")

    def as_dict(self) -> dict[str, str]:
        """The parts as the command line prints them: `kind`, `what`, `where`, `remedy`."""
        return {"kind": type(self).__name__, "what": self.what, "where": self.where, "remedy": self.command}


class UsageError(InstillError):
    """The request is wrong: for example an unknown setting, a malformed filter, or a document that does not exist."""

    exit_code = 2


class DocumentError(InstillError):
    """One source cannot be read. The other sources are added; the command ends with exit code 3."""

    exit_code = 3


class WorkspaceError(InstillError):
    """The workspace is missing, damaged, read-only, full, or was made with other settings."""

    exit_code = 4


class EncoderMismatch(WorkspaceError):
    """The index was made with another encoder or splitter than the settings now name."""


class DamagedIndex(WorkspaceError):
    """The index holds passages twice, lacks some, or lacks files. `instill doctor --repair` mends it."""


class StoreInUse(WorkspaceError):
    """The index is in a folder that one process at a time may use, and another process uses it."""


class IndexRebuilt(WorkspaceError):
    """The index was made anew by another process meanwhile: by `forget`, `remove --purge` or `reindex`."""


class ForgottenMeanwhile(IndexRebuilt):
    """A document that something was made from was forgotten or purged before the result was kept."""


class GeneratorError(InstillError):
    """A generator did not answer, or its answer cannot be used. `ask` then quotes the documents instead."""

    exit_code = 5


class MissingDependency(InstillError):
    """A feature needs a package that is not installed. The remedy is the pip command."""

    exit_code = 6
