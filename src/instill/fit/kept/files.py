"""Where what was learned is kept: a file for the owner, and one for each set of labels that it was learned under."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from instill.common.made_from import Caller, MadeFrom


def learned_file(home: Path, name: str, labels: Sequence[str] | None) -> Path:
    """The file of what was learned under these labels.

    Args:
        home: a workspace's `.instill`.
        name: of the owner's file, such as "tuned.json".
        labels: None for the owner.

    Example:
        >>> learned_file(Path("kb"), "tuned.json", None).name, learned_file(Path("kb"), "tuned.json", ("hr",)).name
        ('tuned.json', 'tuned.6590efb8ba339fc0.json')
    """
    if labels is None:
        return home / name
    digest = hashlib.sha256(json.dumps(sorted(set(labels))).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return home / f"{Path(name).stem}.{digest}{Path(name).suffix}"


def learned_files(home: Path, name: str) -> list[Path]:
    """All of them that there are, the owner's first."""
    others = sorted(home.glob(f"{Path(name).stem}.{'[0-9a-f]' * 16}{Path(name).suffix}"))
    return [file for file in (home / name, *others) if file.is_file()]


def files_for(home: Path, name: str, caller: Caller) -> list[Path]:
    """Where to look for what the caller may use, the best first: learned under the caller's own labels, or by the
    owner. What is found must be checked: the owner's may be made from documents that the caller does not see."""
    labelled = [] if caller.labels is None else [learned_file(home, name, caller.labels)]
    return [*labelled, home / name]


def read_object(file: Path) -> dict[str, Any]:
    """A JSON object, its `made_from` read.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: it is not such an object.
    """
    content = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError("not an object")
    return {**content, "made_from": MadeFrom.from_json(content.get("made_from"))}
