"""Whether what a command makes can be written where it is wanted: asked before the work begins."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from instill.errors import UsageError
from instill.settings.location import expanded

_WHAT = "Nothing can be written there, so nothing was done."


def must_be_writable(
    place: Path | None,
    option: str,
    *,
    folder: bool = False,
    what: str = _WHAT,
    remedy: str = "Name a place that you may write to.",
) -> None:
    """Refuse a place that cannot be written. Folders that are missing above it are no hindrance, and are not made.

    Args:
        place: a file, or with `folder` a folder; None: none is wanted.
        option: as it is typed: "--out".

    Raises:
        UsageError: nothing can be written there.
    """
    if place is None:
        return
    reason = _hindrance(expanded(place).absolute(), folder)
    if reason:
        raise UsageError(what, where=f"{option} {place}: {reason}", remedy=remedy)


def _hindrance(place: Path, folder: bool) -> str:
    """Why nothing can be written; "" where it can."""
    try:
        if place.is_dir():
            if not folder:
                return "it is a folder"
        elif place.exists():
            if folder:
                return "it is a file"
            return "" if os.access(place, os.W_OK) else "you may not write to this file"
        above = next(each for each in (place, *place.parents) if each.exists())
        if not above.is_dir():
            return f"{above} is a file"
        with tempfile.TemporaryFile(dir=above):  # Some folders, as /proc, take no files whatever their mode says.
            return ""
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
