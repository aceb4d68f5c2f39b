"""The encoder that was trained for a workspace: its record in `.instill/encoder.json`.

The record is in force while the index is one that this encoder made, which the index's fingerprint tells. So a switch
is complete when the index is switched, and a run that is killed on either side of it leaves a workspace that works.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from instill.common.durable_files import write_json
from instill.common.made_from import UNKNOWN, MadeFrom
from instill.errors import WorkspaceError

RECORD_FILE, FOLDER = "encoder.json", "encoders"


@dataclass(frozen=True, slots=True)
class OwnEncoder:
    """What is kept about a trained encoder.

    Args:
        name: its folder under `.instill/encoders`.
        fingerprints: of the indexes that were made with it (one a precision).
        base: the setting `encoder.model` that it was trained from.
        summary: what was gained, in one sentence.
        date: ISO 8601 UTC.
        made_from: the documents that it was trained on and compared with.
    """

    name: str
    fingerprints: tuple[str, ...]
    base: str
    summary: str
    date: str
    made_from: MadeFrom = UNKNOWN

    def folder(self, home: Path) -> Path:
        """The sentence-transformers folder."""
        return home / FOLDER / self.name


def own_encoders(home: Path) -> list[OwnEncoder]:
    """The records in `home` (a workspace's `.instill`), newest first; none when no encoder was trained.

    Raises:
        WorkspaceError: the file is damaged.
    """
    file = home / RECORD_FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        found = [_record(entry) for entry in content]
        for own in found:
            texts = (own.name, own.base, own.summary, own.date, *own.fingerprints)
            if not all(isinstance(text, str) for text in texts) or Path(own.name).name != own.name:
                raise ValueError("values of another kind")
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WorkspaceError(
            "The record of the trained encoder is damaged.",
            where=str(file),
            remedy="Delete it and run: instill reindex (the encoder of the settings is then used)",
        ) from error
    return found


def _record(entry: dict[str, Any]) -> OwnEncoder:
    read = {"fingerprints": tuple(entry["fingerprints"]), "made_from": MadeFrom.from_json(entry.get("made_from"))}
    return OwnEncoder(**{**entry, **read})


def _entry(own: OwnEncoder) -> dict[str, Any]:
    return {**asdict(own), "made_from": own.made_from.as_json()}


def own_for(home: Path, fingerprint: str) -> OwnEncoder | None:
    """The trained encoder that made an index of this fingerprint, or None."""
    return next((own for own in own_encoders(home) if fingerprint in own.fingerprints), None)


def add_own(home: Path, record: OwnEncoder) -> None:
    """Keep a record before its index is made the live one; those before it stay in force until then."""
    others = [own for own in own_encoders(home) if own.name != record.name]
    write_json(home / RECORD_FILE, [_entry(own) for own in (record, *others)])


def keep_only(home: Path, name: str) -> None:
    """Remove all records and folders but this one's, after its index was made the live one."""
    kept = [_entry(own) for own in own_encoders(home) if own.name == name]
    write_json(home / RECORD_FILE, kept)
    for folder in (home / FOLDER).glob("*"):
        if folder.name != name and not folder.name.startswith("."):
            shutil.rmtree(folder, ignore_errors=True)


def used_also_as(home: Path, record: OwnEncoder, fingerprint: str) -> None:
    """Note that an index with this fingerprint, of another precision say, is made with the trained encoder too."""
    if fingerprint not in record.fingerprints:
        add_own(home, replace(record, fingerprints=(*record.fingerprints, fingerprint)))
