"""What the catalog's database says, in words of ours."""

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


def damaged(why: object, where: object) -> WorkspaceError:
    """The error for a file that is no sound catalog."""
    return WorkspaceError(
        f"The catalog cannot be opened: {why}.",
        where=str(where),
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


def server_explained(error: sa.exc.DatabaseError, where: str) -> WorkspaceError:
    """The error for what a PostgreSQL server says, or for its silence."""
    said = " ".join(str(error.orig).split())[:200].rstrip(".")
    code = str(getattr(error.orig, "sqlstate", None) or "")
    if code in ("53100", "53200", "53300"):
        what, remedy = f"The database is out of room: {said}.", "Free some on the server, then run the command again."
    elif code.startswith("28") or "password" in said:
        what, remedy = f"The database refuses the login: {said}.", "Set INSTILL_CATALOG__KEY to the password."
    elif code in ("42501", "25006"):
        what, remedy = f"The database does not allow this: {said}.", "The user must be able to create a schema in it."
    elif code == "3D000":
        what, remedy = f"There is no such database: {said}.", "Create it, or correct catalog.url."
    elif not code or code.startswith(("08", "57")):
        what, remedy = f"The database cannot be reached: {said}.", "Check that it runs, then run the command again."
    else:
        what, remedy = f"The catalog could not be used: {said}.", "Run: instill doctor"
    return WorkspaceError(what, where=where, remedy=remedy)
