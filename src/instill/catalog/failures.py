"""What SQLite says of the catalog's file, in words of ours."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import sqlalchemy as sa

from instill.errors import WorkspaceError

ROOM = 256 * 1024
"""Bytes that SQLite needs beside a small database for its write-ahead log and the index of it."""


def _code(error: sa.exc.DatabaseError) -> int:
    """SQLite's primary result code (see its "Result and Error Codes"); 0 where it tells none."""
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF


def free_space(path: Path) -> float:
    """Bytes that are free where the file is; infinite where that cannot be told."""
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return float("inf")


def is_full(path: Path) -> WorkspaceError:
    """The error for a disk that is full."""
    return WorkspaceError("The disk is full.", where=str(path), remedy="Free some space and run the command again.")


def _is_out_of_room(error: sa.exc.DatabaseError, path: Path) -> bool:
    """SQLite says that the disk is full, or that writing failed on one that is."""
    code = _code(error)
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return free_space(path) < ROOM
    return code == sqlite3.SQLITE_FULL


def damaged(why: object, path: Path) -> WorkspaceError:
    """The error for a file that is no sound catalog."""
    return WorkspaceError(
        f"The catalog cannot be opened: {why}.",
        where=str(path),
        remedy="If the file is damaged, move it away; documents are not lost, conversations are.",
    )


def explained(error: sa.exc.DatabaseError, path: Path) -> WorkspaceError:
    """The error for what SQLite says."""
    code = _code(error)
    if _is_out_of_room(error, path):
        return is_full(path)
    if code in (sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        what, remedy = f"The catalog cannot be opened: {error.orig}.", "Check who owns the folder."
    elif code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        what, remedy = (
            "Another process has been using the catalog for too long.",
            "Wait for it, then run the command again.",
        )
    elif code == sqlite3.SQLITE_IOERR:
        what, remedy = f"The catalog cannot be read or written: {error.orig}.", "Check the disk and its quota."
    else:
        return damaged(error.orig, path)
    return WorkspaceError(what, where=str(path), remedy=remedy)
