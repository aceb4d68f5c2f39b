"""What names the reader of the settings, found without opening it."""

from __future__ import annotations

import json
from pathlib import Path

from instill.weights import shipped

_MANIFEST = "reader.json"


def reader_fingerprint(chosen: str) -> str:
    """The fingerprint of the reader for the setting `answer.reader`; "" when there is none that can be used.

    Example:
        >>> reader_fingerprint("off")
        ''
    """
    if chosen == "off":
        return ""
    folder = shipped() if chosen == "shipped" else Path(chosen).expanduser()
    try:
        return str(json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):  # Told of where the reader is opened.
        return ""
