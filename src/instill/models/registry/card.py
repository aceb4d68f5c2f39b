"""The card of a candidate: what it was made from, how, with what result, and the hashes of its files."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from instill.common.durable_files import write_json
from instill.common.made_from import MadeFrom
from instill.common.untrusted_files import read_small_json
from instill.common.value_mistakes import mistake
from instill.errors import WorkspaceError
from instill.models.encoders.cache import file_sha256

CARD = "card.json"
_PACKAGES = ("torch", "transformers", "peft", "instill")
_MOST_BYTES = 16_000_000

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
"""A plain name: it becomes the name of a folder."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    # What a later version writes besides is kept, so that its cards can be read and written here.
    model_config = ConfigDict(extra="allow", frozen=True)


class Base(_Part):
    """The model that was trained on.

    Args:
        folder: where it was; it may have moved since.
        hash: see `instill.models.generators.model_hash`.
    """

    name: str
    folder: str
    hash: str


class Rows(_Part):
    """What was trained on."""

    hash: str
    count: int = Field(ge=0)


class Condition(_Part):
    """One condition of the gate: what was measured, where its limit was, and a sentence that says so.

    `outcome`: "passed", "failed", "undecided", or "not checked", which keeps no candidate back.
    """

    name: str
    passed: bool
    measured: Any = None
    limit: Any = None
    said: str = ""
    outcome: str = ""
    needed: int = 0


class GateResult(_Part):
    """What the gate said; passed when no condition keeps the candidate back."""

    passed: bool
    conditions: tuple[Condition, ...] = ()


class Metrics(_Part):
    """What was measured on the base and on the candidate, by name."""

    before: dict[str, Any] = Field(default_factory=dict)
    after: dict[str, Any] = Field(default_factory=dict)


class Card(_Part):
    """All that is known about a candidate.

    Args:
        id: `candidate_id` of what it was made from.
        made: UTC, ISO 8601.
        recipe: every effective value; its gate does not count, for it changes no weights.
        gate: None until it was measured.
        parent: id of the candidate whose weights it began with, or None.
        files: sha256 of each file of its folder but the card, by name.
        reasons: why it was kept or rejected, a sentence each.
        documents: that the rows were made from, as `MadeFrom.as_json` gives them; None where nobody knows.

    Example:
        >>> made = {"base": Base(name="m", folder="/m", hash="0a"), "rows": Rows(hash="1b", count=9)}
        >>> Card(id="format-0123456789", made="2026-01-01T00:00:00Z", recipe={"epochs": 2}, seed=0, **made).verdict
        'not measured'
    """

    id: Id
    made: str
    base: Base
    rows: Rows
    recipe: dict[str, Any]
    seed: int
    environment: dict[str, str] = Field(default_factory=dict)
    metrics: Metrics = Metrics()
    gate: GateResult | None = None
    parent: Id | None = None
    files: dict[str, Sha256] = Field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    documents: list[dict[str, Any]] | None = None

    @property
    def made_from(self) -> MadeFrom:
        """The documents that the rows were made from, those of its parent among them."""
        return MadeFrom.from_json(self.documents)

    @property
    def objective(self) -> str | None:
        """What it was trained towards ("next_token", "preference", ...); None where its recipe does not say."""
        found = self.recipe.get("objective")
        return None if found is None else str(found)

    @property
    def verdict(self) -> str:
        """The gate's: "passed", "rejected", "not proven yet" (nothing failed, rows are too few) or "not measured"."""
        if self.gate is None:
            return "not measured"
        if self.gate.passed:
            return "passed"
        missed = [each.outcome for each in self.gate.conditions if not each.passed]
        proven = not missed or any(each not in ("undecided", "not checked") for each in missed)
        return "rejected" if proven else "not proven yet"


def gate_notice(card: Card) -> str:
    """What whoever uses a candidate should know of its gate; "" where it passed.

    Example:
        >>> made = {"base": Base(name="m", folder="/m", hash="0a"), "rows": Rows(hash="1b", count=9)}
        >>> card = Card(id="tone-01", made="", recipe={}, seed=0, gate=GateResult(passed=False), **made)
        >>> gate_notice(card)
        'The gate rejected this candidate; see: instill models show tone-01'
    """
    said = {
        "rejected": "The gate rejected this candidate",
        "not proven yet": "It is not proven yet that this candidate meets its gate",
    }.get(card.verdict)
    return f"{said}; see: instill models show {card.id}" if said else ""


def candidate_id(name: str, *, base_hash: str, rows_hash: str, recipe: Mapping[str, Any], seed: int) -> str:
    """The id of the candidate that a recipe makes of a base and rows: the same from the same, always.

    Args:
        name: of the recipe; what cannot stand in a folder's name becomes "-".
        recipe: every effective value.

    Example:
        >>> candidate_id("Dates to ISO", base_hash="0a", rows_hash="1b", recipe={"epochs": 2}, seed=0)
        'dates-to-iso-e44171e33a'
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80] or "candidate"
    deciding = {key: value for key, value in recipe.items() if key != "gate"}
    content = json.dumps([base_hash, rows_hash, deciding, seed], sort_keys=True, ensure_ascii=False, default=str)
    return f"{slug}-{hashlib.sha256(content.encode()).hexdigest()[:10]}"


def environment() -> dict[str, str]:
    """What a candidate is made with: versions, and the machine in words.

    Example:
        >>> sorted(environment())
        ['instill', 'machine', 'peft', 'python', 'torch', 'transformers']
    """
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = ""
    found["machine"] = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    torch = sys.modules.get("torch")  # Where it was not imported, no GPU was used.
    if torch is not None and torch.cuda.is_available():
        found["machine"] += f", {torch.cuda.get_device_name()}"
    return found


def now() -> str:
    """UTC, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def file_hashes(folder: Path) -> dict[str, str]:
    """sha256 of each file in the folder but the card, by name."""
    return {file.name: file_sha256(file) for file in sorted(folder.iterdir()) if file.name != CARD}


def write_card(folder: Path, card: Card) -> None:
    """Put the card into the candidate's folder, in place of an older one, at once."""
    write_json(folder / CARD, card.model_dump(mode="json"))


def read_card(folder: Path) -> Card:
    """The card in a candidate's folder.

    Raises:
        WorkspaceError: there is none, or it is damaged, or is another candidate's.
    """
    file = folder / CARD
    try:
        card = Card.model_validate(read_small_json(file, _MOST_BYTES))
    except FileNotFoundError as error:
        raise WorkspaceError(
            "The candidate has no card.", where=str(folder), remedy="Train it again from its recipe."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise WorkspaceError(
            f"The candidate's card is damaged: {_reason(error)}.", where=str(file), remedy="Train it again."
        ) from error
    return card


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])} {mistake(first)}"
    return str(error)
