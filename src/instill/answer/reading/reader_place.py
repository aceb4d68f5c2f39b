"""Where the reader of the settings is and what names it, found without opening it."""

from __future__ import annotations

import json
from pathlib import Path

from instill.models.weights import shipped
from instill.settings.location import expanded

_MANIFEST = "reader.json"


def reader_folder(chosen: str) -> Path:
    """The folder for the setting `answer.reader`, which is not "off"."""
    return shipped() if chosen == "shipped" else expanded(chosen)


def reader_fingerprint(chosen: str) -> str:
    """The fingerprint of the reader for the setting `answer.reader`; "" when there is none that can be used.

    Example:
        >>> reader_fingerprint("off")
        ''
    """
    if chosen == "off":
        return ""
    try:
        return str(json.loads((reader_folder(chosen) / _MANIFEST).read_text(encoding="utf-8"))["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):  # Told of where the reader is opened.
        return ""
