"""Where a workspace is: made in a folder, found from one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from instill.errors import WorkspaceError
from instill.settings.settings import SETTINGS_FILE, default_toml, load_settings


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with "~" as the user's home; the name of a user who does not exist stays as it is.

    Example:
        >>> expanded("~no-such-user-here/notes").as_posix()
        '~no-such-user-here/notes'
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser() raises a RuntimeError for such a name


def make_workspace(path: str | os.PathLike[str]) -> Path:
    """Make `path` (created when missing) a workspace; its folder.

    Raises:
        WorkspaceError: it is one already, or the folder cannot be written.
    """
    folder = expanded(path).resolve()
    file = folder / SETTINGS_FILE
    if file.exists():
        raise WorkspaceError("This folder is a workspace already.", where=str(folder), remedy="Add to it: instill add")
    try:
        (folder / ".instill").mkdir(parents=True, exist_ok=True)
        (folder / ".instill" / ".gitignore").write_text("*\n", encoding="utf-8")
        file.write_text(default_toml(), encoding="utf-8")
    except OSError as error:
        raise WorkspaceError(f"The workspace cannot be made: {error.strerror}.", where=str(folder)) from error
    return folder


def plugins_off(folder: Path) -> Sequence[str]:
    """`plugins.off` of the workspace in this folder; of the environment, where it is none.

    Raises:
        UsageError: the settings cannot be used.
    """
    file = folder / SETTINGS_FILE
    return load_settings(file if file.is_file() else None).plugins.off


def find_workspace(path: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the workspace: `path`, else $INSTILL_WORKSPACE, else the nearest from here upwards.

    Raises:
        WorkspaceError: there is no workspace there.
    """
    named = path or os.environ.get("INSTILL_WORKSPACE")
    if named:
        folder = expanded(named).resolve()
        if not (folder / SETTINGS_FILE).is_file():
            raise WorkspaceError(
                "This folder is not a workspace.", where=str(folder), remedy=f"Make it one: instill init {named}"
            )
        return folder
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    raise WorkspaceError(
        "There is no workspace here or above.",
        where=str(here),
        remedy="Make one: instill init, or name one: --workspace",
    )
