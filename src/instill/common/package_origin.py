"""From where an installed package came, when it was a folder or a file of this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import Distribution


def local_origin(package: Distribution) -> tuple[Path, bool] | None:
    """The folder or wheel that it was installed from, and whether changes of that folder take effect (`pip install
    -e`); None for a package of an index, and for one whose record is damaged.

    Source: PEP 610, the file `direct_url.json` that installers write.

    Example:
        >>> from importlib.metadata import distribution
        >>> local_origin(distribution("numpy")) is None
        True
    """
    from urllib.parse import urlsplit
    from urllib.request import url2pathname  # Takes 30 ms, and most commands never ask.

    try:
        origin = json.loads(package.read_text("direct_url.json") or "{}")
        parts = urlsplit(str(origin.get("url", "")))
        if parts.scheme != "file":
            return None
        return Path(url2pathname(parts.path)), bool(origin.get("dir_info", {}).get("editable"))
    except (OSError, ValueError, AttributeError):
        return None
