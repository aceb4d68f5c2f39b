"""The catalog of a workspace, all of it."""

from __future__ import annotations

from instill.catalog.conversations import Conversations
from instill.catalog.question_log import QuestionLog
from instill.catalog.roots import Roots


class Catalog(Roots, Conversations, QuestionLog):
    """The catalog at `path`, created when it is missing.

    A workspace on read-only storage opens its catalog without writing; `writable` is False then and every method
    that records something does nothing. On a disk that is `full` it is opened in the same way, and they raise.

    Raises:
        WorkspaceError: the file is not a catalog, or was written by a newer Instill.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from instill.catalog import Root
        >>> catalog = Catalog(Path(tempfile.mkdtemp()) / "catalog.db")
        >>> catalog.remember_root(Root("/srv/handbook"))
        >>> [root.path for root in catalog.roots()]
        ['/srv/handbook']
    """
